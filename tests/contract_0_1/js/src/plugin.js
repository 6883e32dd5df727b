// Reads the webhooks of a player that sends JSON.

const STATES = { start: 'playing', resume: 'playing', pause: 'paused', stop: 'stopped' };

const text = (value) => (typeof value === 'string' && value !== '' ? value : undefined);
const whole = (value, most) => (Number.isInteger(value) && value >= 0 && value <= most ? value : undefined);
const milliseconds = (seconds) => whole(seconds * 1000, 0xffffffff);

const malformed = (val) => ({ tag: 'malformed', val });
const unsupported = (val) => ({ tag: 'unsupported', val });

function movie(message) {
  const { title, year, imdb } = message.movie ?? {};
  if (text(title) === undefined) throw unsupported('the message has no `movie` with a title');
  return {
    kind: {
      tag: 'movie',
      val: {
        title,
        originalTitle: undefined,
        year: whole(year, 0xffff),
        ids: text(imdb) === undefined ? [] : [{ namespace: 'imdb', value: imdb }],
      },
    },
    serverRef: undefined,
    serverShowRef: undefined,
    runtimeMs: milliseconds(message.length_s),
    ext: [],
  };
}

function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    throw malformed('the body is no JSON');
  }
}

export const webhook = {
  parse(request) {
    const message = parsed(request.body);
    const event = text(message?.event);
    if (event === undefined) throw unsupported('the message has no `event`');
    const state = Object.hasOwn(STATES, event) ? STATES[event] : undefined;
    if (state === undefined) return [{ tag: 'ignored', val: { code: 'event', detail: event } }];
    return [
      {
        tag: 'playback',
        val: {
          server: { id: undefined, name: undefined },
          user: { id: undefined, name: text(message.user) },
          player: { id: undefined, name: text(message.device), product: undefined },
          session: undefined,
          item: movie(message),
          state,
          positionMs: milliseconds(message.position_s),
          completion: 'none',
          creditsStartMs: undefined,
          content: 'on-demand',
          library: undefined,
          paths: [],
          at: undefined,
          ext: [],
        },
      },
    ];
  },
};

// Reads the webhooks of Tautulli, in the form that README.md has. Every value is a text there; what does not apply is empty.

const STATES = { play: 'playing', resume: 'playing', pause: 'paused', stop: 'stopped', watched: 'playing' };
const MAX_EPISODES = 50;

const text = (value) => (typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined);

// Reads a whole number from a text; absent if the text is something else, or the number is larger than `most`.
function whole(value, most) {
  const digits = typeof value === 'number' ? String(value) : text(value);
  if (digits === undefined || !/^\d{1,10}$/.test(digits)) return undefined;
  const number = Number(digits);
  return number <= most ? number : undefined;
}

const year = (value) => whole(value, 0xffff);
const milliseconds = (value) => whole(value, 0xffffffff);

const malformed = (val) => ({ tag: 'malformed', val });
const unsupported = (val) => ({ tag: 'unsupported', val });
const ignored = (code, detail) => [{ tag: 'ignored', val: { code, detail } }];

// Tautulli's ids are those of the film, or of the show: never of an episode.
function ids(message) {
  const known = { imdb: text(message.imdb), tmdb: text(message.tmdb), tvdb: text(message.tvdb) };
  const found = Object.entries(known).filter(([, value]) => value !== undefined);
  return found.map(([namespace, value]) => ({ namespace, value }));
}

// One episode, or a file with several: "6-10".
function episodes(value) {
  const [first, last = first] = (text(value) ?? '').split('-').map((part) => whole(part, 100_000));
  if (first === undefined) return [];
  if (last === undefined || last < first || last - first >= MAX_EPISODES) return [first];
  return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
}

function movie(message) {
  const title = text(message.title);
  if (title === undefined) throw unsupported('the message has no `title`');
  return { tag: 'movie', val: { title, originalTitle: undefined, year: year(message.year), ids: ids(message) } };
}

function episode(message) {
  const title = text(message.show);
  if (title === undefined) throw unsupported('the message of an episode has no `show`');
  return {
    tag: 'episode',
    val: {
      show: { title, originalTitle: undefined, year: year(message.show_year), ids: ids(message) },
      season: whole(message.season, 100_000),
      numbers: episodes(message.episode),
      absoluteNumber: undefined,
      title: text(message.title),
      year: undefined,
      ids: [],
    },
  };
}

const KINDS = { movie, episode };

function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    throw malformed('the body is no JSON');
  }
}

const of = (table, key) => (key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined);

export const webhook = {
  parse(request) {
    const message = parsed(request.body);
    const action = text(message?.action);
    if (action === undefined) throw unsupported('the message has no `action`: put the text of the README under Data');
    const state = of(STATES, action);
    if (state === undefined) return ignored('event', action);
    const media = text(message.media_type);
    const kind = of(KINDS, media);
    if (kind === undefined) return ignored('media-type', media ?? 'none');
    const file = text(message.file);
    return [
      {
        tag: 'playback',
        val: {
          server: { id: text(message.server_id), name: text(message.server) },
          user: { id: text(message.user_id), name: text(message.user) },
          player: { id: text(message.machine_id), name: text(message.player), product: text(message.product) },
          session: text(message.session),
          item: {
            kind: kind(message),
            serverRef: text(message.rating_key),
            serverShowRef: media === 'episode' ? text(message.show_rating_key) : undefined,
            runtimeMs: milliseconds(message.duration_ms),
            ext: [],
          },
          state,
          positionMs: milliseconds(message.position_ms),
          // The trigger "Watched" comes once, where Tautulli counts the play.
          completion: action === 'watched' ? 'counted' : 'none',
          creditsStartMs: undefined,
          content: text(message.live) === '1' ? 'live-tv' : 'on-demand',
          library: text(message.library),
          paths: file === undefined ? [] : [file],
          at: undefined,
          ext: [],
        },
      },
    ];
  },
};

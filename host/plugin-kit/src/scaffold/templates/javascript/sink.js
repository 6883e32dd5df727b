// Sends what was watched to a service that takes JSON.
import { send } from 'playrelay:plugin/http@0.1.0';
import { get } from 'playrelay:plugin/settings@0.1.0';

const failure = (tag, val) => ({ tag, val });
const retry = (reason, afterMs) => failure('retry', { afterMs, reason });
const receipt = (outcome, remoteId) => ({ outcome, remoteId, matched: [], note: undefined });

const ids = (list) => Object.fromEntries(list.map(({ namespace, value }) => [namespace, value]));

function title({ tag, val }) {
  if (tag === 'movie') return { movie: val.title, year: val.year ?? null, ids: ids(val.ids) };
  if (tag === 'episode') {
    return { show: val.show.title, ids: ids(val.show.ids), season: val.season ?? null, episodes: [...val.numbers] };
  }
  return undefined;
}

function post(url, body) {
  try {
    return send({
      method: 'post',
      url,
      headers: [{ name: 'content-type', value: 'application/json' }],
      body: { tag: 'text', val: JSON.stringify(body) },
      timeoutMs: undefined,
      captures: [],
    });
  } catch ({ payload }) {
    throw payload.tag === 'denied' ? failure('blocked', payload.val) : retry(payload.val ?? payload.tag);
  }
}

// The service's own id of what it stored.
function id({ body }) {
  try {
    const { id } = JSON.parse(body.val);
    return Number.isInteger(id) ? String(id) : undefined;
  } catch {
    return undefined;
  }
}

const isPage = ({ headers }) =>
  headers.some(({ name, value }) => name === 'content-type' && value.startsWith('text/html'));

// How long the service asks to wait.
function retryAfterMs({ headers }) {
  const seconds = Number(headers.find(({ name }) => name === 'retry-after')?.value);
  return Number.isInteger(seconds) && seconds >= 0 && seconds < 4e6 ? seconds * 1000 : undefined;
}

export const sink = {
  submit(event) {
    const what = title(event.item.kind);
    if (event.action.tag !== 'watched' || what === undefined) return receipt('unsupported');
    // The id is the same for each attempt: a service that keeps it counts nothing twice.
    const body = { key: event.id, title: what, watched_at: event.at };
    const response = post(`${get('url').replace(/\/+$/, '')}/plays`, body);
    const { status } = response;
    // A gateway or a portal answered in place of the service.
    if (isPage(response)) throw retry('a web page came in place of an answer');
    if (status >= 200 && status < 300) return receipt('accepted', id(response));
    if (status === 409) return receipt('duplicate');
    if (status === 401) throw failure('unauthorized', 'the service refuses the key');
    if (status === 403) throw failure('blocked', 'the service forbids it');
    if ((status >= 300 && status < 400) || [408, 425, 429].includes(status) || status >= 500) {
      throw retry(`the service answered ${status}`, retryAfterMs(response));
    }
    throw failure('rejected', `the service answered ${status}`);
  },
};

// Shows notifications by a service that takes JSON.
import { send as sendRequest } from 'playrelay:plugin/http@0.1.0';
import { get } from 'playrelay:plugin/settings@0.1.0';

const failure = (tag, val) => ({ tag, val });
const retry = (reason, afterMs) => failure('retry', { afterMs, reason });

const PRIORITIES = { low: 1, normal: 2, high: 3 };

function post(url, body) {
  try {
    return sendRequest({
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

// How long the service asks to wait.
function retryAfterMs({ headers }) {
  const seconds = Number(headers.find(({ name }) => name === 'retry-after')?.value);
  return Number.isInteger(seconds) && seconds >= 0 && seconds < 4e6 ? seconds * 1000 : undefined;
}

export const notify = {
  send({ id, title, text, urgency, link }) {
    // The id is the same for each attempt: a service that keeps it shows nothing twice.
    const body = { key: id, title, text, priority: PRIORITIES[urgency], url: link ?? null };
    const response = post(`${get('url').replace(/\/+$/, '')}/messages`, body);
    const { status } = response;
    if (status >= 200 && status < 300) return;
    if (status === 401) throw failure('unauthorized', 'the service refuses the key');
    if (status === 403 || status === 404) {
      throw failure('blocked', `the service answered ${status}: look at the settings`);
    }
    if ((status >= 300 && status < 400) || [408, 425, 429].includes(status) || status >= 500) {
      throw retry(`the service answered ${status}`, retryAfterMs(response));
    }
    throw failure('rejected', `the service answered ${status}`);
  },
};

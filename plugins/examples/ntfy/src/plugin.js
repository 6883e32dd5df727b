// Shows notifications by ntfy. Facts: docs.ntfy.sh/publish (Publish as JSON, Message priority, Click action, Limitations).
import { send as sendRequest } from 'playrelay:plugin/http@0.1.0';
import { get } from 'playrelay:plugin/settings@0.1.0';

const failure = (tag, val) => ({ tag, val });
const retry = (reason, afterMs) => failure('retry', { afterMs, reason });

// 3 is the usual one of 1 to 5. A phone lets only 5 through its own quiet hours.
const PRIORITIES = { low: 2, normal: 3, high: 4 };
// The names of emojis that stand before the title.
const tags = ({ resolved, urgency }) => [resolved ? 'white_check_mark' : urgency === 'low' ? 'information_source' : 'warning'];

const address = () => get('url').replace(/\/+$/, '');

function request(method, url, body) {
  const headers = body === undefined ? [] : [{ name: 'content-type', value: 'application/json' }];
  try {
    return sendRequest({
      method,
      url,
      headers,
      body: body === undefined ? { tag: 'none' } : { tag: 'text', val: JSON.stringify(body) },
      timeoutMs: undefined,
      captures: [],
    });
  } catch ({ payload }) {
    throw payload.tag === 'denied' ? failure('blocked', payload.val) : retry(payload.val ?? payload.tag);
  }
}

// How long the server asks to wait.
function retryAfterMs({ headers }) {
  const seconds = Number(headers.find(({ name }) => name === 'retry-after')?.value);
  return Number.isInteger(seconds) && seconds >= 0 && seconds < 4e6 ? seconds * 1000 : undefined;
}

// An answer that is no success ends the call.
function judge(response) {
  const { status } = response;
  if (status >= 200 && status < 300) return;
  if (status === 401) throw failure('unauthorized', 'ntfy refuses the token');
  if (status === 403) throw failure('blocked', 'ntfy forbids this topic: it may need a token');
  if (status === 404) throw failure('blocked', 'there is no ntfy at this address: look at the settings');
  if ((status >= 300 && status < 400) || [408, 425, 429].includes(status) || status >= 500) {
    throw retry(`ntfy answered ${status}`, retryAfterMs(response));
  }
  throw failure('rejected', `ntfy answered ${status}`);
}

export const notify = {
  send(notification) {
    const { title, text, urgency, link } = notification;
    // Without a message ntfy writes "triggered".
    const body = { topic: get('topic'), title, message: text || title, priority: PRIORITIES[urgency], tags: tags(notification) };
    if (link !== undefined) body.click = link;
    judge(request('post', `${address()}/`, body));
  },
};

export const check = {
  account() {
    const response = request('get', `${address()}/v1/health`);
    judge(response);
    return { name: `the topic ${get('topic')}`, id: undefined, details: [] };
  },
};

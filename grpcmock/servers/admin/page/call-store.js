// The calls that are looked at: the newest ones, older ones as they are asked for, and those that come.

import { api, watchCalls } from "./api.js";

const PAGE = 200;
const KEPT = 5_000;
const WAITING = 5_000;

/**
 * Holds calls, newest first, that fit a filter. The server filters: it knows all calls, this page only some.
 *
 * What comes is taken in once a frame, so that any number of calls a second costs one drawing.
 */
export class CallStore {
  /** `onChange(calls, above)` is called with all calls, `above` of them new at the top; `onTouch(id)` of each call told. */
  constructor({ onChange, onState, onTouch, onError }) {
    Object.assign(this, { onChange, onState, onTouch, onError });
    this.round = 0;
    this.waiting = [];
  }

  /** Begin anew with this filter. */
  async open(filter) {
    this.close();
    const round = (this.round += 1);
    Object.assign(this, { filter, calls: [], places: new Map(), more: false, skipped: 0, dropped: 0, loading: true });
    this.unwatch = watchCalls(filter, {
      onCall: (text) => this.take(text),
      onState: (state) => round === this.round && this.onState(state),
    });
    await this.load(round, {});
  }

  close() {
    this.round += 1;
    this.unwatch?.();
    this.unwatch = undefined;
    this.waiting = [];
  }

  /** Get what is older than all that is here. */
  async older() {
    if (this.loading || !this.more) return;
    this.loading = true;
    const oldest = this.calls.findLast((call) => call.duration !== undefined);
    await this.load(this.round, { before_id: oldest?.id });
  }

  async load(round, where) {
    try {
      const page = await api.calls({ ...this.filter, ...where, brief: true, newest: true, limit: PAGE });
      if (round !== this.round) return;
      this.loading = false;
      this.append(page);
    } catch (error) {
      if (round !== this.round) return;
      this.loading = false;
      this.onError(error);
    }
  }

  append(page) {
    const calls = (page.calls ?? []).toReversed().filter((call) => !this.places.has(call.id));
    for (const call of calls) this.places.set(call.id, call);
    this.calls = [...this.calls, ...calls];
    this.more = Boolean(page.more) && calls.length > 0;
    this.dropped = Number(page.dropped ?? 0);
    this.onChange(this.calls, 0);
  }

  take(text) {
    this.waiting.push(text);
    if (this.waiting.length > WAITING) {
      // A page in the background gets no frames; what is too much is in the journal still.
      this.skipped += this.waiting.length - WAITING;
      this.waiting.splice(0, this.waiting.length - WAITING);
    }
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.drain();
    });
  }

  drain() {
    const fresh = [];
    const changed = new Set();
    for (const text of this.waiting.splice(0)) {
      const { call, skipped } = JSON.parse(text);
      this.skipped += Number(skipped ?? 0);
      if (!call) continue;
      if (this.places.has(call.id)) changed.add(call.id);
      else fresh.push(call.id);
      this.places.set(call.id, call);
      this.onTouch(call.id);
    }
    let calls = this.calls;
    if (changed.size) calls = calls.map((call) => (changed.has(call.id) ? this.places.get(call.id) : call));
    const above = new Set(fresh);
    if (above.size) calls = [...[...above].reverse().map((id) => this.places.get(id)), ...calls];
    if (calls.length > KEPT && fresh.length) {
      for (const call of calls.slice(KEPT)) this.places.delete(call.id);
      calls = calls.slice(0, KEPT);
      this.more = true;
    }
    this.calls = calls;
    this.onChange(calls, above.size);
  }
}

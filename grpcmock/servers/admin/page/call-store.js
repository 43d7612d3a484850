// The calls that are looked at: the newest ones, older ones as they are asked for, and those that come.

import { api, watchCalls } from "./api.js";
import { settled } from "./dom.js";

const FIRST = 60;
const PAGE = 200;
const KEPT = 5_000;
const WAITING = 5_000;
const LATEST = 40;
const CALM = 700;

/**
 * Holds calls, newest first, that fit a filter. The server filters: it knows all calls, this page only some.
 *
 * What comes is taken in once a frame, so that any number of calls a second costs one drawing. Of calls that come too
 * fast the server tells only some; once it is calm, the list is asked for again, so that no call stays missing.
 */
export class CallStore {
  /** `onChange(calls, above)` is called with all calls, `above` of them new at the top; `onTouch(id)` of each call told. */
  constructor({ onChange, onState, onTouch, onError }) {
    Object.assign(this, { onChange, onState, onTouch, onError });
    this.round = 0;
    this.waiting = [];
    this.refillSoon = settled(CALM, () => this.refill());
  }

  /** Begin anew with this filter. */
  async open(filter) {
    this.close();
    const round = (this.round += 1);
    Object.assign(this, { filter, calls: [], places: new Map(), more: false, skipped: 0, dropped: 0, loading: true });
    this.ending = new AbortController();
    this.unwatch = watchCalls(filter, {
      latest: LATEST,
      onCall: (text) => this.take(text),
      onState: (state) => round === this.round && this.onState(state),
    });
    // As many as are seen, at first: the rest is asked for once these are there.
    await this.load(round, { limit: FIRST });
  }

  /** Ask no more for what is about to be replaced: the server, too, looks for it no longer. */
  drop() {
    this.round += 1;
    this.ending?.abort();
  }

  close() {
    this.drop();
    this.unwatch?.();
    this.unwatch = undefined;
    this.waiting = [];
  }

  /** Get what is older than all that is here. */
  async older() {
    if (this.loading || !this.more) return;
    this.loading = true;
    const oldest = this.calls.findLast((call) => call.duration !== undefined);
    await this.load(this.round, { before_id: oldest?.id, limit: PAGE });
  }

  async load(round, where) {
    try {
      const page = await api.calls({ ...this.filter, ...where, brief: true, newest: true }, this.ending.signal);
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

  /** Put what the server has in the place of a list with holes. */
  async refill() {
    const { round, calls: before } = this;
    let page;
    try {
      page = await api.calls({ ...this.filter, brief: true, newest: true, limit: PAGE }, this.ending.signal);
    } catch {
      return; // The next call that comes leads here again.
    }
    if (round !== this.round) return;
    const known = new Set(before);
    const ended = (page.calls ?? []).toReversed();
    const places = new Map(ended.map((call) => [call.id, call]));
    // What has come since it was asked for, and what is under way.
    const above = this.calls.filter((call) => !places.has(call.id) && (call.duration === undefined || !known.has(call)));
    const calls = [...above, ...ended];
    Object.assign(this, { calls, places: new Map(calls.map((call) => [call.id, call])), skipped: 0 });
    this.more = Boolean(page.more);
    this.dropped = Number(page.dropped ?? 0);
    this.onChange(calls, Math.max(0, calls.findIndex((call) => call.id === before[0]?.id)));
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
    if (this.skipped) this.refillSoon();
    this.onChange(calls, above.size);
  }
}

/** Encoded picks, one per pod: a destination never changes while a pod keeps its slot. */
import type { Pod } from "../pods/pod-table.ts";
import { encodePick, type PickReply } from "./encode-reply.ts";

export class PickReplies {
  readonly #bySlot: { pod: Pod; reply: PickReply }[] = [];

  of(pod: Pod): PickReply {
    const known = this.#bySlot[pod.slot];
    if (known?.pod === pod) return known.reply;
    const reply = encodePick(pod.address);
    this.#bySlot[pod.slot] = { pod, reply };
    return reply;
  }
}

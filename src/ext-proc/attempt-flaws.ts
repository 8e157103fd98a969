/** What keeps an attempt from being made as its backend needs it, where the gateway, or the backend, is at fault. */
export const attemptFlaws = {
  unnamed:
    "its attributes name no backend: request_attributes, or the metadata of the endpoint and its cluster, lack it",
  phase_untold:
    "no phase is told, so that a pod was looked for, and there is none: where only backends are served, the filter lacks initial_metadata x-pointsman-phase (route, attempt), or its attributes",
  unknown: "the config file has no backend of this name",
  headers_hidden:
    "the filter does not show the request's headers, with which the client's secrets go on: request_header_mode must be SEND",
  watched_only:
    "the filter reads no replies, so that every backend gets the client's request as it came: observability_mode must be off",
  body_hidden:
    "the request body is to be changed, and the filter shows none: request_body_mode must be BUFFERED or FULL_DUPLEX_STREAMED",
  answer_hidden:
    "the answer is to be translated, and the filter shows none: response_header_mode must be SEND, response_body_mode STREAMED, BUFFERED or FULL_DUPLEX_STREAMED",
  answer_unread:
    "the filter shows no answer, so that clients read the backend's name for the model, and neither usage nor costs are known: response_header_mode must be SEND, response_body_mode STREAMED",
  answer_encoded: "an answer that was to be translated came compressed, though nobody had asked for that",
  answer_form:
    "an answer that was to be translated is none of the provider's by its content type, such as a page of HTML",
  answer_redirect:
    "the backend answered with a redirection, which would lead its clients elsewhere and became 502: its host or pathPrefix may be wrong",
  answer_trailers:
    "a translated answer ended in trailers, behind which nothing can be sent on: use FULL_DUPLEX_STREAMED for such a backend",
  envoy_old:
    "Envoy before 1.36 does not send what is answered here in a backend's place, so that clients wait in vain; 1.36 crashes where a filter that is shown answers meets a retry: use 1.37, or show it none",
  original_lost:
    "a further attempt is not told the request's original path and host: the namespace pointsman must be among forwarding and receiving namespaces",
} as const;

export type AttemptFlaw = keyof typeof attemptFlaws;

package io.millrace.operator.kvcache;

/**
 * A page of which the state keeps the bytes, because they leave later or enter a summary.
 *
 * @param span its tokens and their place in the chain
 * @param page its bytes, in the oldest tier that it will have
 * @param published whether it has left already
 */
record AgingPage(PageSpan span, EncodedPage page, boolean published) {

  AgingPage publishedNow() {
    return new AgingPage(span, page, true);
  }
}

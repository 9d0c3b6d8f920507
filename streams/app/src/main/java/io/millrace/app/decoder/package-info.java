/**
 * Small language models, to measure what compressed keys and values cost and to show it: the
 * forward pass of a decoder, its tokens, its text. Attention reads keys and values through {@link
 * io.millrace.app.decoder.KeyValueCache}, so that they may be exact, restored from pages, or
 * anything between. No broker, no files but the shipped model's, no thread.
 */
package io.millrace.app.decoder;

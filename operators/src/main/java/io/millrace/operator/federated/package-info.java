/**
 * Federated update aggregation: exact sums, robust rules, server optimisers, averaging methods,
 * update codecs and privacy accountants, one class each. Everything works on a chunk of the model
 * at a time; what needs all chunks works on sums over chunks, such as Gram matrices.
 *
 * <p>Model and per-client state are double, as master weights; updates that travel are float.
 *
 * <p>Must never enter: engines, logging, clocks, unseeded randomness, sums in arrival order.
 */
package io.millrace.operator.federated;

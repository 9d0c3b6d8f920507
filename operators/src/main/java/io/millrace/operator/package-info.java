/**
 * The operator contract: what a keyed, deterministic state machine is, and nothing else.
 *
 * <p>Must never enter: an engine, a logger, a thread, a clock, a file. Time, models and records
 * come in as arguments; results leave through the consumer; state is mutated in place on the
 * engine's thread. That is what makes one operator run unchanged on every engine and replay to the
 * same bytes.
 */
package io.millrace.operator;

/**
 * Online dictionary learning: one class per learner, one per sparse coder, and the operators that
 * run them on sensor readings.
 *
 * <p>Must never enter: engines, logging, clocks, unseeded randomness.
 */
package io.millrace.operator.dictionary;

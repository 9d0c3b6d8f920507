package io.millrace.runtime;

import io.millrace.operator.Operator;
import io.millrace.operator.StateCodec;

/**
 * An operator with everything that carries it across bytes. Built by {@link Catalog} in every task:
 * nothing here is serialisable, nothing is shared between threads.
 *
 * @param name catalogue name
 */
public record OperatorSpec<I, S, O>(
    String name,
    Operator<I, S, O> operator,
    InputCodec<I> input,
    StateCodec<S> state,
    OutputCodec<O> output) {}

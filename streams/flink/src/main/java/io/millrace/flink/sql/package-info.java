/**
 * The operators as functions of Flink SQL. Each function declares its arguments and its columns;
 * what runs is the same {@code OperatorStep} over the same {@code StateKeeper} as in a pipeline,
 * with settings read by the same catalogue. No algorithm and no second parser belongs here.
 *
 * <p>Process table functions have no hook before a checkpoint, so state is written through at each
 * call, changed sections only, and stays decoded on the heap.
 */
package io.millrace.flink.sql;

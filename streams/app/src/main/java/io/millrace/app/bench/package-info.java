/**
 * Benchmarks: every figure beside a ceiling or a rival of the same run. Coders and learners run
 * under JMH in a process of their own; the pipeline runs against a real broker.
 */
package io.millrace.app.bench;

package io.millrace.app.bench;

/**
 * One figure and what it is held against.
 *
 * @param benchmark name
 * @param shape of the data, for example 64x128x5
 * @param value the figure, a median
 * @param unit of value and againstValue
 * @param cpuSeconds CPU time of the measured part; 0 where it was not taken
 * @param against ceiling or rival of the same run
 * @param againstValue its figure, a median
 * @param ratio value / againstValue, the median of the rounds' own where there are rounds
 */
public record BenchmarkResult(
    String benchmark,
    String shape,
    double value,
    String unit,
    double cpuSeconds,
    String against,
    double againstValue,
    double ratio) {}

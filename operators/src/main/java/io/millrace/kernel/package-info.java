/**
 * Numeric kernels: {@link io.millrace.kernel.Kernels} and, for packed codes and floats in 16 bits,
 * {@link io.millrace.kernel.ColumnCodes}, {@link io.millrace.kernel.CodeBook} and {@link
 * io.millrace.kernel.Halves} are the only public doors to a scalar and a SIMD twin that give the
 * same bits on every machine, lane width, JDK and JIT state.
 *
 * <p>Must never enter: anything that knows what the numbers mean. Only this room touches {@code
 * jdk.incubator.vector}.
 */
package io.millrace.kernel;

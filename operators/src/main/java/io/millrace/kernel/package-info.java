/**
 * Numeric kernels: {@link io.millrace.kernel.Kernels} is the only public door to a scalar and a
 * SIMD twin that give the same bits on every machine, lane width, JDK and JIT state.
 *
 * <p>Must never enter: anything that knows what the numbers mean. Only this room touches {@code
 * jdk.incubator.vector}.
 */
package io.millrace.kernel;

package io.millrace.kernel;

import java.util.Optional;

/**
 * The one place that chooses a twin.
 *
 * @param kernels the twin
 * @param reason why that one
 */
record KernelSelection(VectorKernels kernels, String reason) {
  // The API is the same from 17 to 27; later releases plan to rename the package.
  private static final int FIRST_RELEASE = 17;
  private static final int LAST_RELEASE = 27;

  static KernelSelection choose() {
    String wish = System.getProperty("millrace.kernels", "auto");
    VectorKernels scalar = new ScalarKernels();
    if (wish.equals("scalar")) {
      return new KernelSelection(scalar, "asked for by millrace.kernels=scalar");
    }
    if (!wish.equals("auto") && !wish.equals("simd")) {
      return new KernelSelection(
          scalar, "millrace.kernels: got " + wish + ", expected auto, scalar or simd");
    }
    Optional<String> obstacle = obstacle();
    if (obstacle.isPresent()) {
      return new KernelSelection(scalar, obstacle.get());
    }
    try {
      VectorKernels simd = load();
      Optional<String> difference = TwinCheck.difference(scalar, simd);
      return difference.isPresent()
          ? new KernelSelection(scalar, "SIMD self-test: " + difference.get())
          : new KernelSelection(simd, "self-test passed");
    } catch (Throwable failure) { // linkage errors too: whatever happens, the scalar twin serves
      return new KernelSelection(scalar, "SIMD twin failed to load: " + root(failure));
    }
  }

  private static Throwable root(Throwable failure) {
    return failure.getCause() == null ? failure : root(failure.getCause());
  }

  private static Optional<String> obstacle() {
    int release = Runtime.version().feature();
    if (release < FIRST_RELEASE || release > LAST_RELEASE) {
      return Optional.of("Java release: got " + release + ", expected 17 to 27");
    }
    // Without C2's intrinsics every vector is boxed, more than 100 times slower than scalar code.
    String machine = System.getProperty("java.vm.name", "");
    if (!machine.contains("HotSpot") && !machine.contains("OpenJDK 64-Bit Server")) {
      return Optional.of("virtual machine: got " + machine + ", expected HotSpot with C2");
    }
    if (vectorModule().isEmpty()) {
      return Optional.of("module missing: start Java with --add-modules jdk.incubator.vector");
    }
    return Optional.empty();
  }

  private static Optional<Module> vectorModule() {
    ModuleLayer own = Kernels.class.getModule().getLayer();
    ModuleLayer layer = own != null ? own : ModuleLayer.boot();
    return layer.findModule("jdk.incubator.vector");
  }

  private static VectorKernels load() throws ReflectiveOperationException {
    vectorModule().ifPresent(Kernels.class.getModule()::addReads);
    Class<?> twin =
        Class.forName("io.millrace.kernel.SimdKernels", true, Kernels.class.getClassLoader());
    return (VectorKernels) twin.getDeclaredConstructor().newInstance();
  }
}

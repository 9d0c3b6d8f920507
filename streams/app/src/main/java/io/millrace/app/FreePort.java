package io.millrace.app;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;

/** Picks ports for the demos. */
final class FreePort {
  private FreePort() {}

  /** The wanted port where nobody listens on it, else 0, which is any. */
  static int orAny(int wanted) {
    try (ServerSocket probe = new ServerSocket(wanted, 1, InetAddress.getLoopbackAddress())) {
      return wanted == 0 ? 0 : probe.getLocalPort();
    } catch (IOException e) {
      return 0;
    }
  }

  /** One that nobody listens on now, for a process that must keep its port over its restarts. */
  static int any() {
    try (ServerSocket probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return probe.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException("no port is free", e);
    }
  }
}

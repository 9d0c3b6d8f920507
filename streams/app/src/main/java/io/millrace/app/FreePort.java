package io.millrace.app;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;

/** Picks a port for the demo's page. */
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
}

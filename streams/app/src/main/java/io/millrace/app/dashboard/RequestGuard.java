package io.millrace.app.dashboard;

import io.javalin.http.Context;
import io.javalin.http.Handler;
import io.javalin.http.HttpStatus;
import java.util.Locale;
import java.util.Set;

/** Headers that every answer carries, and the check of the Host header on loopback. */
public final class RequestGuard implements Handler {
  private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");

  /** The charts draw on canvas and set styles through the DOM: nothing inline is needed. */
  private static final String CONTENT_SECURITY_POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
          + " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  private final boolean loopback;

  /**
   * @param boundHost address that is served on
   */
  public RequestGuard(String boundHost) {
    loopback =
        boundHost.equals("localhost") || boundHost.startsWith("127.") || boundHost.equals("::1");
  }

  @Override
  public void handle(Context ctx) {
    ctx.header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        .header("X-Content-Type-Options", "nosniff")
        .header("Referrer-Policy", "no-referrer")
        .header("Cross-Origin-Resource-Policy", "same-origin")
        .header("Cross-Origin-Opener-Policy", "same-origin");
    if (loopback && !LOOPBACK.contains(name(ctx.header("Host")))) {
      ctx.status(HttpStatus.forStatus(421))
          .contentType("text/plain")
          .result("This page is served on the loopback address: open it as http://127.0.0.1\n")
          .skipRemainingHandlers();
    }
  }

  private static String name(String host) {
    if (host == null) {
      return "";
    }
    return host.replaceFirst(":[0-9]{1,5}$", "").toLowerCase(Locale.ROOT);
  }
}

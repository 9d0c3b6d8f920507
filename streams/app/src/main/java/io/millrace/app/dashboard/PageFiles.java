package io.millrace.app.dashboard;

import io.javalin.http.Context;
import io.javalin.http.HttpStatus;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;

/** The page's files, read once from the class path; no other name reaches it. */
final class PageFiles {
  private static final String ECHARTS = "/META-INF/resources/webjars/echarts/5.5.0/echarts.min.js";

  private record Asset(String contentType, byte[] bytes) {}

  private final Asset page = own("index.html", "text/html");
  private final Map<String, Asset> assets =
      Map.of(
          "dashboard.css", own("dashboard.css", "text/css"),
          "dashboard.js", own("dashboard.js", "text/javascript"),
          "charts.js", own("charts.js", "text/javascript"),
          "cache.js", own("cache.js", "text/javascript"),
          "federated.js", own("federated.js", "text/javascript"),
          "format.js", own("format.js", "text/javascript"),
          "icon.svg", own("icon.svg", "image/svg+xml"),
          "echarts.min.js", new Asset("text/javascript; charset=utf-8", read(ECHARTS)));

  private static Asset own(String name, String contentType) {
    return new Asset(contentType + "; charset=utf-8", read("/dashboard/" + name));
  }

  private static byte[] read(String path) {
    try (InputStream file = PageFiles.class.getResourceAsStream(path)) {
      if (file == null) {
        throw new IllegalStateException("page file " + path + " is not on the class path");
      }
      return file.readAllBytes();
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  void page(Context ctx) {
    send(ctx, page);
  }

  void asset(Context ctx) {
    Asset asset = assets.get(ctx.pathParam("name"));
    if (asset == null) {
      ctx.status(HttpStatus.NOT_FOUND);
    } else {
      send(ctx, asset);
    }
  }

  /** No caching beyond the visit: a newer program must not run with an older page. */
  private static void send(Context ctx, Asset asset) {
    ctx.contentType(asset.contentType()).header("Cache-Control", "no-cache").result(asset.bytes());
  }
}

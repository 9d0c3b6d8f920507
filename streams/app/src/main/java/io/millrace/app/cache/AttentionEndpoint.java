package io.millrace.app.cache;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.javalin.http.Context;
import io.millrace.app.cache.AttentionRequest.Partial;
import io.millrace.app.cache.AttentionRequest.Query;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads queries and writes partials, as JSON or as bytes. Any thread. */
final class AttentionEndpoint {
  private static final String BYTES = "application/octet-stream";
  private static final Set<String> FIELDS =
      Set.of("group", "before", "labelledPages", "scale", "queries");

  private final ObjectMapper mapper;

  AttentionEndpoint(ObjectMapper mapper) {
    this.mapper = mapper;
  }

  /**
   * The request in a body.
   *
   * @throws CacheServer.Refusal for anything else
   */
  AttentionRequest read(Context ctx) {
    String type = ctx.contentType() == null ? "" : ctx.contentType().replaceFirst(";.*", "").trim();
    return switch (type) {
      case BYTES -> bytes(ctx);
      case "application/json" -> json(ctx.bodyAsBytes());
      default ->
          throw new CacheServer.Refusal(
              415, "body is " + type + ", expected application/json or " + BYTES);
    };
  }

  /** Writes partials the way that queries came. */
  void answer(Context ctx, AttentionRequest request, List<Partial> partials) {
    ctx.header("Cache-Control", "no-store");
    if (isBytes(ctx)) {
      int width = partials.isEmpty() ? 0 : partials.get(0).weighted().length + 2;
      double[] rows = new double[partials.size() * width];
      for (int row = 0; row < partials.size(); row++) {
        Partial partial = partials.get(row);
        rows[row * width] = partial.exponent();
        rows[row * width + 1] = partial.sum();
        System.arraycopy(partial.weighted(), 0, rows, row * width + 2, width - 2);
      }
      ctx.contentType(BYTES)
          .header("Millrace-Shape", partials.size() + "," + width)
          .result(LittleEndian.doubles(rows));
      return;
    }
    try {
      ctx.contentType("application/json")
          .result(mapper.writeValueAsBytes(Map.of("partials", partials)));
    } catch (JsonProcessingException impossible) {
      throw new UncheckedIOException(impossible);
    }
  }

  private static boolean isBytes(Context ctx) {
    return ctx.contentType() != null && ctx.contentType().startsWith(BYTES);
  }

  private static AttentionRequest bytes(Context ctx) {
    int head = (int) Math.max(-1, Math.min(Integer.MAX_VALUE, CacheServer.number(ctx, "head")));
    int d = (int) Math.max(0, Math.min(65_535, CacheServer.number(ctx, "headDimension")));
    byte[] body = ctx.bodyAsBytes();
    if (d == 0 || body.length % (Float.BYTES * d) != 0) {
      throw new CacheServer.Refusal(
          400, "body has " + body.length + " bytes, expected rows of " + Float.BYTES * d);
    }
    float[] rows = LittleEndian.floats(body);
    List<Query> queries = new ArrayList<>();
    for (int from = 0; from < rows.length; from += d) {
      queries.add(new Query(head, Arrays.copyOfRange(rows, from, from + d)));
    }
    return new AttentionRequest(
        CacheServer.parameter(ctx, "group"),
        ctx.queryParam("before") == null ? -1 : atLeastZero("before", number(ctx, "before")),
        ctx.queryParam("labelledPages") == null
            ? -1
            : (int) atLeastZero("labelledPages", number(ctx, "labelledPages")),
        ctx.queryParam("scale") == null ? Double.NaN : scale(ctx),
        queries);
  }

  private AttentionRequest json(byte[] body) {
    JsonNode root;
    try {
      root = mapper.readTree(body);
    } catch (IOException e) {
      throw new CacheServer.Refusal(400, "body is no JSON");
    }
    if (root == null || !root.isObject() || !root.path("group").isTextual()) {
      throw new CacheServer.Refusal(400, "body has no group");
    }
    root.fieldNames()
        .forEachRemaining(
            name -> {
              if (!FIELDS.contains(name)) {
                throw new CacheServer.Refusal(400, "field " + name + " is not known");
              }
            });
    JsonNode list = root.path("queries");
    if (!list.isArray() || list.isEmpty()) {
      throw new CacheServer.Refusal(400, "body has no queries");
    }
    List<Query> queries = new ArrayList<>();
    for (JsonNode node : list) {
      JsonNode numbers = node.path("query");
      if (!node.path("head").isInt() || !numbers.isArray()) {
        throw new CacheServer.Refusal(400, "a query has no head or no numbers");
      }
      float[] query = new float[numbers.size()];
      for (int i = 0; i < query.length; i++) {
        if (!numbers.get(i).isNumber()) {
          throw new CacheServer.Refusal(400, "a query has something that is no number");
        }
        query[i] = numbers.get(i).floatValue();
      }
      queries.add(new Query(node.path("head").intValue(), query));
    }
    return new AttentionRequest(
        root.path("group").textValue(),
        whole(root, "before", Long.MAX_VALUE),
        (int) whole(root, "labelledPages", Integer.MAX_VALUE),
        root.has("scale") ? finite(root.path("scale")) : Double.NaN,
        queries);
  }

  private static long whole(JsonNode root, String name, long most) {
    if (!root.has(name)) {
      return -1;
    }
    if (!root.path(name).isIntegralNumber() || !root.path(name).canConvertToLong()) {
      throw new CacheServer.Refusal(400, name + " is no whole number");
    }
    return Math.min(most, atLeastZero(name, root.path(name).longValue()));
  }

  private static double finite(JsonNode node) {
    if (!node.isNumber() || !Double.isFinite(node.doubleValue())) {
      throw new CacheServer.Refusal(400, "scale is no number");
    }
    return node.doubleValue();
  }

  private static double scale(Context ctx) {
    try {
      double scale = Double.parseDouble(CacheServer.parameter(ctx, "scale"));
      if (Double.isFinite(scale)) {
        return scale;
      }
    } catch (NumberFormatException e) {
      // told below, as what is not finite is
    }
    throw new CacheServer.Refusal(400, "scale is no number");
  }

  private static long number(Context ctx, String name) {
    return Math.min(Integer.MAX_VALUE, CacheServer.number(ctx, name));
  }

  private static long atLeastZero(String name, long value) {
    if (value < 0) {
      throw new CacheServer.Refusal(400, name + " is " + value + ", expected at least 0");
    }
    return value;
  }
}

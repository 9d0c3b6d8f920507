package io.millrace.it;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/** A dashboard of {@code docker/grafana}, and the queries that its panels would send. */
record GrafanaDashboard(String file, List<Query> queries) {

  /** One query, its variables filled in as Grafana fills them in when all are chosen. */
  record Query(String panel, String expression) {}

  static List<GrafanaDashboard> all() throws IOException {
    try (Stream<Path> files = Files.list(ContainerImages.DOCKER.resolve("grafana/dashboards"))) {
      List<GrafanaDashboard> dashboards = new ArrayList<>();
      for (Path file : files.sorted().toList()) {
        List<Query> queries = new ArrayList<>();
        collect(new ObjectMapper().readTree(file.toFile()), queries);
        dashboards.add(new GrafanaDashboard(file.getFileName().toString(), queries));
      }
      return dashboards;
    }
  }

  /**
   * What is wrong with the queries, a line each: refused by Prometheus, or without data.
   *
   * @param prometheus address of a path of its interface
   */
  List<String> faults(Function<String, URI> prometheus) throws IOException, InterruptedException {
    List<String> faults = new ArrayList<>();
    for (Query query : queries) {
      String encoded = URLEncoder.encode(query.expression, StandardCharsets.UTF_8);
      JsonNode answer = JsonClient.get(prometheus.apply("/api/v1/query?query=" + encoded));
      String fault = fault(answer);
      if (!fault.isEmpty()) {
        faults.add(file + ", " + query.panel + ": " + query.expression + ": " + fault);
      }
    }
    return faults;
  }

  private static String fault(JsonNode answer) {
    if (!answer.path("status").asText().equals("success")) {
      return answer.path("error").asText("refused");
    }
    return answer.path("data").path("result").isEmpty() ? "no data" : "";
  }

  private static void collect(JsonNode parent, List<Query> queries) {
    for (JsonNode panel : parent.path("panels")) {
      for (JsonNode target : panel.path("targets")) {
        String expression =
            target
                .path("expr")
                .asText()
                .replace("$__rate_interval", "30s")
                .replaceAll("\\$\\{?[a-z]+}?", ".*");
        queries.add(new Query(panel.path("title").asText(), expression));
      }
      collect(panel, queries);
    }
  }
}

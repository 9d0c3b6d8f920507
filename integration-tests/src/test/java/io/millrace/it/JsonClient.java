package io.millrace.it;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** Asks an HTTP interface for JSON. */
final class JsonClient {
  private static final Duration TIMEOUT = Duration.ofSeconds(20);
  private static final HttpClient HTTP =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
  private static final ObjectMapper JSON = new ObjectMapper();

  private JsonClient() {}

  /** The answer's body, whatever its status: refusals explain themselves in JSON, too. */
  static JsonNode get(URI uri) throws IOException, InterruptedException {
    return JSON.readTree(send("GET", uri).body());
  }

  /** Sends a PATCH without a body. */
  static void patch(URI uri) throws IOException, InterruptedException {
    HttpResponse<String> response = send("PATCH", uri);
    if (response.statusCode() / 100 != 2) {
      throw new IOException(uri + " answers " + response.statusCode() + ": " + response.body());
    }
  }

  private static HttpResponse<String> send(String method, URI uri)
      throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(uri)
            .timeout(TIMEOUT)
            .method(method, HttpRequest.BodyPublishers.noBody())
            .build();
    return HTTP.send(request, HttpResponse.BodyHandlers.ofString());
  }
}

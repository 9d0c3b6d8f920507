package io.millrace.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.millrace.app.dashboard.NumbersOrNull;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reports of demos as files of JSON; what is not known is null. Stateless. */
final class ReportJson {
  private ReportJson() {}

  static void write(Path file, Object report) throws IOException {
    ObjectMapper mapper = new ObjectMapper().registerModule(new NumbersOrNull());
    Files.write(file, mapper.enable(SerializationFeature.INDENT_OUTPUT).writeValueAsBytes(report));
  }
}

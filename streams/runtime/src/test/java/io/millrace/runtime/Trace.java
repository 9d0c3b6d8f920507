package io.millrace.runtime;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A recorded run of one stage, for every engine to replay: records in, and after each of them the
 * records that it caused, byte for byte, in order. Immutable.
 *
 * <pre>
 * file        events (4), events; big endian
 * event       record, outputs (4), records
 * record      topic (UTF), partition (4), offset (8), timestamp (8), key, value
 * key, value  bytes (4, -1: null), bytes
 * </pre>
 *
 * @param deployment with one pipeline
 * @param stage of that pipeline
 */
public record Trace(Deployment deployment, Stage stage, List<Event> events) {
  /** A dictionary of its own for each sensor. */
  public static final String SENSORS = "sensors";

  /** Sensors that code with a shared dictionary, among the versions that they follow. */
  public static final String SHARED = "shared";

  /** The stage that learns the shared dictionary. */
  public static final String MERGE = "merge";

  /** The window of a KV cache, among the bases that it follows. */
  public static final String WINDOW = "window";

  /** The stage that learns those bases. */
  public static final String LEARNING = "learning";

  /** The chunks of a federated model. */
  public static final String AGGREGATION = "aggregation";

  /** Its rounds. */
  public static final String CONTROL = "control";

  /** The chunks of a model whose updates are masked. */
  public static final String MASKED_AGGREGATION = "masked-aggregation";

  /** Its rounds. */
  public static final String MASKED_CONTROL = "masked-control";

  /** Nodes that train without a server. */
  public static final String MIXING = "mixing";

  /** What the key file of federated models holds. */
  static final String MASTER_KEY = "not secret, only for traces";

  private static final Path KEY_FILE = keyFile();

  /**
   * @param record of the stage's input, or of the model topic that it follows
   * @param outputs in the order of their emission; results and dead letters
   */
  public record Event(TopicRecord record, List<TopicRecord> outputs) {}

  /** Reads a committed trace. */
  public static Trace load(String name) {
    Deployment deployment = deployment(name);
    try (DataInputStream in =
        new DataInputStream(new ByteArrayInputStream(resource(name + ".bin")))) {
      List<Event> events = new ArrayList<>();
      for (int left = in.readInt(); left > 0; left--) {
        TopicRecord record = readRecord(in);
        List<TopicRecord> outputs = new ArrayList<>();
        for (int more = in.readInt(); more > 0; more--) {
          outputs.add(readRecord(in));
        }
        events.add(new Event(record, List.copyOf(outputs)));
      }
      return new Trace(deployment, stage(deployment, name), List.copyOf(events));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The deployment that a trace was recorded with. */
  static Deployment deployment(String name) {
    String file =
        switch (name) {
          case SENSORS -> "sensors.yaml";
          case WINDOW, LEARNING -> "kv.yaml";
          case AGGREGATION, CONTROL -> "federated.yaml";
          case MASKED_AGGREGATION, MASKED_CONTROL -> "masked.yaml";
          case MIXING -> "mixing.yaml";
          default -> "shared.yaml";
        };
    String yaml = new String(resource(file), StandardCharsets.UTF_8);
    Map<String, String> key =
        List.of(AGGREGATION, CONTROL, MASKED_AGGREGATION, MASKED_CONTROL, MIXING).contains(name)
            ? Map.of("MILLRACE_PIPELINES_0__MASTER_KEY_FILE", KEY_FILE.toString())
            : Map.of();
    return Deployment.parse(file, yaml, key);
  }

  /** Of this JVM: the traces of other modules come in a jar. */
  private static Path keyFile() {
    try {
      Path file = Files.createTempFile("millrace-trace", ".key");
      file.toFile().deleteOnExit();
      return Files.writeString(file, MASTER_KEY);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Stage stage(Deployment deployment, String name) {
    return deployment
        .pipelines()
        .get(0)
        .stages()
        .get(List.of(MERGE, LEARNING, CONTROL, MASKED_CONTROL).contains(name) ? 1 : 0);
  }

  /** The pipeline around the stage. */
  public Pipeline pipeline() {
    return deployment.pipelines().get(0);
  }

  /** Whether a record is of a followed model rather than of the input. */
  public boolean isModel(TopicRecord record) {
    return record.topic().equals(stage.following().topic());
  }

  /** The bytes of a trace's file. */
  byte[] encode() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(events.size());
      for (Event event : events) {
        write(out, event.record());
        out.writeInt(event.outputs().size());
        for (TopicRecord output : event.outputs()) {
          write(out, output);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  static byte[] resource(String file) {
    try (InputStream in = Trace.class.getResourceAsStream("/trace/" + file)) {
      if (in == null) {
        throw new IllegalArgumentException("there is no trace " + file);
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void write(DataOutputStream out, TopicRecord record) throws IOException {
    out.writeUTF(record.topic());
    out.writeInt(record.partition());
    out.writeLong(record.offset());
    out.writeLong(record.timestampMillis());
    for (byte[] bytes : new byte[][] {record.key(), record.value()}) {
      out.writeInt(bytes == null ? -1 : bytes.length);
      if (bytes != null) {
        out.write(bytes);
      }
    }
  }

  private static TopicRecord readRecord(DataInputStream in) throws IOException {
    return new TopicRecord(
        in.readUTF(),
        in.readInt(),
        in.readLong(),
        in.readLong(),
        readBytesOrNull(in),
        readBytesOrNull(in));
  }

  private static byte[] readBytesOrNull(DataInputStream in) throws IOException {
    int length = in.readInt();
    return length < 0 ? null : in.readNBytes(length);
  }
}

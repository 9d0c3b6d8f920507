package io.millrace.app.federated;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.operator.federated.Digests;
import io.millrace.runtime.ConfigurationException;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelLayer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A model as files: its definition as JSON, and its numbers one after the other, little-endian.
 *
 * <pre>
 * {"chunk-length": 131072, "layers": [{"name": "weights", "shape": [64, 10]}, ...]}
 * </pre>
 *
 * @param definition of the model, complete
 * @param elementBytes of a number: 4, float32, or 8, float64
 * @param values the file of numbers
 */
record ModelFile(ModelDefinition definition, int elementBytes, Path values) {
  private static final long MOST_CHUNKS = 1_000_000;
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

  /** The definition file. */
  private record Content(
      @com.fasterxml.jackson.annotation.JsonProperty("chunk-length") Integer chunkLength,
      List<Layer> layers) {}

  /** A layer of it. */
  private record Layer(String name, List<Integer> shape) {}

  /**
   * Reads a definition and checks that the numbers fit it.
   *
   * @param largest numbers of a chunk, and how many there are where the definition does not say
   * @throws ConfigurationException where they do not
   */
  static ModelFile read(String model, Path definition, Path values, int elementBytes, int largest) {
    Content content = content(definition);
    List<ModelLayer> layers = new ArrayList<>();
    long length = 0;
    for (Layer layer : content.layers()) {
      layers.add(new ModelLayer(layer.name(), length, layer.shape()));
      length = end(definition, length, layer);
    }
    int chunkLength = content.chunkLength() == null ? largest : content.chunkLength();
    if (chunkLength < 1 || chunkLength > largest) {
      throw refuse(definition, "chunk-length " + chunkLength, "1 to " + largest);
    }
    if (length < 1 || (length - 1) / chunkLength >= MOST_CHUNKS) {
      throw refuse(definition, length + " numbers", "1 to " + MOST_CHUNKS + " chunks of them");
    }
    requireSize(values, length * elementBytes);
    ModelDefinition whole =
        new ModelDefinition(model, length, chunkLength, layers, ByteBuffer.allocate(0));
    whole.setSchemaHash(ByteBuffer.wrap(Digests.of(whole)));
    return new ModelFile(whole, elementBytes, values);
  }

  int chunkCount() {
    return (int) ((definition.getLength() - 1) / definition.getChunkLength()) + 1;
  }

  /** A chunk of version 0. */
  ModelChunk chunk(FileChannel file, int chunk) throws IOException {
    long first = (long) chunk * definition.getChunkLength();
    int length = (int) Math.min(definition.getChunkLength(), definition.getLength() - first);
    ByteBuffer numbers = ByteBuffer.allocate(length * elementBytes);
    while (numbers.hasRemaining()) {
      if (file.read(numbers, first * elementBytes + numbers.position()) < 0) {
        throw new IllegalStateException(values + " ended while it was read");
      }
    }
    ModelChunk record =
        new ModelChunk(
            definition.getModel(),
            0L,
            chunk,
            chunkCount(),
            definition.getSchemaHash(),
            elementBytes,
            numbers.flip(),
            ByteBuffer.allocate(0),
            ByteBuffer.allocate(0));
    record.setDigest(ByteBuffer.wrap(Digests.of(record)));
    return record;
  }

  private static Content content(Path definition) {
    try {
      Content content = JSON.readValue(Files.readAllBytes(definition), Content.class);
      if (content == null || content.layers() == null || content.layers().isEmpty()) {
        throw refuse(definition, "no layers", "a list of layers, each with name and shape");
      }
      return content;
    } catch (JsonProcessingException e) {
      throw refuse(definition, e.getOriginalMessage(), "chunk-length and layers");
    } catch (IOException e) {
      throw refuse(definition, "a file that cannot be read", "a definition as JSON");
    }
  }

  private static long end(Path definition, long offset, Layer layer) {
    if (layer.name() == null || layer.shape() == null || layer.shape().isEmpty()) {
      throw refuse(definition, "a layer without name or shape", "both");
    }
    long size = 1;
    for (Integer extent : layer.shape()) {
      if (extent == null || extent < 1 || size > (1L << 40) / extent) {
        throw refuse(definition, "shape " + layer.shape() + " of " + layer.name(), "sizes above 0");
      }
      size *= extent;
    }
    return offset + size;
  }

  private static void requireSize(Path values, long expected) {
    try {
      long size = Files.size(values);
      if (size != expected) {
        throw refuse(values, size + " bytes", expected + ", as many as the layers have numbers");
      }
    } catch (IOException e) {
      throw refuse(values, "a file that cannot be read", expected + " bytes of numbers");
    }
  }

  private static ConfigurationException refuse(Path file, String got, String expected) {
    return new ConfigurationException(file + ": got " + got + ", expected " + expected);
  }

  /** The numbers, open for {@link #chunk}. */
  FileChannel open() {
    try {
      return FileChannel.open(values);
    } catch (IOException e) {
      throw new UncheckedIOException(values + " cannot be read", e);
    }
  }
}

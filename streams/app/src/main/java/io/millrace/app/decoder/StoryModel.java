package io.millrace.app.decoder;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;

/**
 * The smallest of the public llama2.c models, stories260K (Karpathy, 2023), and stories for it
 * (TinyStories, Eldan, Li, 2023, arXiv 2305.07759), from a folder: neither is part of Millrace.
 *
 * <pre>
 * stories260k/stories260K.bin                       checkpoint
 * stories260k/tok512.bin                            vocabulary
 * tinystories-text/tinystories_1000.json.gz         a JSON array of texts
 * </pre>
 */
public final class StoryModel {
  private static final String WEIGHTS = "stories260k/stories260K.bin";
  private static final String VOCABULARY = "stories260k/tok512.bin";
  private static final String STORIES = "tinystories-text/tinystories_1000.json.gz";

  private final Path folder;
  private final SubwordTokens vocabulary;
  private final String[] stories;

  private StoryModel(Path folder) throws IOException {
    this.folder = folder;
    this.vocabulary = new SubwordTokens(Files.readAllBytes(folder.resolve(VOCABULARY)));
    try (InputStream in = new GZIPInputStream(Files.newInputStream(folder.resolve(STORIES)))) {
      stories = new ObjectMapper().readValue(in, String[].class);
    }
  }

  /** The model of a folder; empty where a file is missing. */
  public static Optional<StoryModel> in(Path folder) {
    for (String file : new String[] {WEIGHTS, VOCABULARY, STORIES}) {
      if (!Files.isRegularFile(folder.resolve(file))) {
        return Optional.empty();
      }
    }
    try {
      return Optional.of(new StoryModel(folder));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The decoder. */
  public Decoder decoder() {
    try {
      return new Decoder(
          DecoderWeights.of(
              Files.readAllBytes(folder.resolve(WEIGHTS)), DecoderWeights.Format.FLOAT32));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Its tokens. */
  public SubwordTokens vocabulary() {
    return vocabulary;
  }

  /**
   * Consecutive pieces of 512 tokens, each story begun by its mark.
   *
   * @param first story to begin with
   * @param count pieces
   */
  public int[][] pieces(int first, int count) {
    int[] tokens = new int[0];
    int next = first;
    while (tokens.length < 512 * count) {
      int[] story = vocabulary.encode(stories[next++]);
      int[] longer = Arrays.copyOf(tokens, tokens.length + story.length);
      System.arraycopy(story, 0, longer, tokens.length, story.length);
      tokens = longer;
    }
    int[] all = tokens;
    return IntStream.range(0, count)
        .mapToObj(i -> Arrays.copyOfRange(all, i * 512, (i + 1) * 512))
        .toArray(int[][]::new);
  }
}

package io.millrace.app.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.millrace.app.decoder.CacheQuality;
import io.millrace.app.decoder.Decoder;
import io.millrace.app.decoder.DecoderWeights;
import io.millrace.app.decoder.StoryModel;
import io.millrace.app.decoder.TextLoss;
import io.millrace.runtime.ConfigurationException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code millrace bench kvcache-quality}: what each page codec costs decoders in bits, error and
 * added loss. Nothing here is a time: the same figures on every machine.
 */
@Command(
    name = "kvcache-quality",
    description = {
      "What each page codec costs a decoder: bits a value, errors, added loss in nats a token.",
      "Of the shipped model, and of stories260K where its files are at hand."
    },
    mixinStandardHelpOptions = true)
final class CacheQualityCommand implements Callable<Integer> {
  private static final int PAGE = 32;
  private static final int WINDOW = 64;
  private static final int[] WINDOWS = {0, 32, 64, 128};

  /** All codecs; those that read queries are for keys, and have a partner for values. */
  private static final List<String> CODECS =
      List.of(
          "fp16",
          "rtn-8",
          "rtn-4",
          "kivi-4",
          "kivi-3",
          "kivi-2",
          "rotated-4",
          "rotated-3",
          "rotated-2",
          "bfp-4",
          "bfp-3",
          "gear-4",
          "gear-2",
          "mustafar-50",
          "mustafar-70",
          "mustafar-70-8",
          "mustafar-70-4",
          "think-50+fp16",
          "think-50-kivi-4+kivi-4",
          "think-50-kivi-2+kivi-2",
          "cskv-25",
          "cskv-25-kivi-4",
          "dictionary-2",
          "dictionary-4",
          "dictionary-8",
          "kivi-budget",
          "transform-2.2",
          "transform-1.2");

  /**
   * One line of the answer.
   *
   * @param model of which
   * @param sizes of the cache
   * @param row what was measured
   */
  record Line(String model, CacheQuality.Sizes sizes, CacheQuality.Row row) {}

  @Spec private CommandSpec spec;

  @Option(
      names = "--stories",
      paramLabel = "FOLDER",
      description = "Where stories260k/ and tinystories-text/ are.")
  private Path stories;

  @Option(names = "--json", paramLabel = "FILE", description = "Write the results as JSON, too.")
  private Path json;

  @Option(names = "--quick", description = "Three codecs, one piece of text: a smoke test.")
  private boolean quick;

  @Override
  public Integer call() throws Exception {
    List<Line> lines = new ArrayList<>();
    if (stories != null) {
      StoryModel model =
          StoryModel.in(stories)
              .orElseThrow(
                  () ->
                      new ConfigurationException(
                          "--stories: " + stories + " lacks a file of stories260k or its text"));
      CacheQuality quality = new CacheQuality(model.decoder(), model.pieces(0, quick ? 1 : 8));
      quality.learn(model.pieces(100, quick ? 2 : 12), quick ? 0 : 256);
      table("stories260K", quality, lines);
      windows("stories260K", quality, lines);
    }
    shipped(lines);
    if (json != null) {
      Files.write(
          json,
          new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsBytes(lines));
    }
    return 0;
  }

  private void shipped(List<Line> lines) {
    int[][] all = TextLoss.pieces(DecoderWeights.heldOutTokens(), 512);
    CacheQuality quality =
        new CacheQuality(new Decoder(DecoderWeights.shipped()), every(all, 3, quick ? 1 : 4));
    quality.learn(every(all, 11, quick ? 3 : 24), quick ? 0 : 1024);
    table("shipped byte-level decoder", quality, lines);
  }

  /** Pieces spread over a text, from {@code first} on. */
  private static int[][] every(int[][] all, int first, int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> all[first + i * (all.length - first) / count])
        .toArray(int[][]::new);
  }

  private void table(String model, CacheQuality quality, List<Line> lines) {
    head(model + ", window " + WINDOW + ", pages of " + PAGE, quality);
    for (String codec : quick ? List.of("kivi-2", "transform-2.2", "transform-1.2") : CODECS) {
      lines.add(line(model, quality, codec, new CacheQuality.Sizes(WINDOW, PAGE, 0)));
    }
    lines.add(line(model, quality, "transform-1.2", new CacheQuality.Sizes(WINDOW, PAGE, 4)));
  }

  private void windows(String model, CacheQuality quality, List<Line> lines) {
    head(model + ", kivi-2, windows", quality);
    for (int window : WINDOWS) {
      lines.add(line(model, quality, "kivi-2", new CacheQuality.Sizes(window, PAGE, 0)));
    }
  }

  private void head(String title, CacheQuality quality) {
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        Locale.ROOT,
        "%n%s: %.4f nats a token exactly; bases of %,d bytes, once a model, are apart%n%n",
        title,
        quality.exactNats(),
        quality.basisBytes());
    out.println(
        "| codec | window, sinks | bits a value | relK | relV | relO | added nats | worst |");
    out.println("|---|---|---|---|---|---|---|---|");
    out.flush();
  }

  private Line line(String model, CacheQuality quality, String codec, CacheQuality.Sizes sizes) {
    CacheQuality.Row row = quality.measure(codec, sizes, quick ? 1 : 2);
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        Locale.ROOT,
        "| %s | %d, %d | %.2f | %.3f | %.3f | %.4f | %+.4f | %+.4f |%n",
        row.codec(),
        sizes.window(),
        sizes.sinks(),
        row.bits(),
        row.keys(),
        row.values(),
        row.outputs(),
        row.addedNats(),
        row.worstAddedNats());
    out.flush();
    return new Line(model, sizes, row);
  }
}

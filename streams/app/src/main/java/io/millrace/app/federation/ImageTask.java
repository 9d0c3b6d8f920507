package io.millrace.app.federation;

import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.zip.GZIPInputStream;

/**
 * Shipped images, cut into a training part and a test part that no client sees.
 *
 * <pre>
 * digits     1,797 of  8 x 8:  first 1,437 to train, last 360 to test
 *            UCI, optical recognition of handwritten digits; CSV, 64 counts of 0 to 16, then the class
 * fashion   10,000 of 28 x 28: first 8,000 to train, last 2,000 to test
 *            Fashion-MNIST (Xiao, Rasul, Vollgraf, 2017, arXiv 1708.07747), its test part; IDX
 * </pre>
 *
 * Beside them in the jar lie licences and provenance.
 *
 * @param training what clients share out
 * @param test what a model is judged by
 */
public record ImageTask(LabelledImages training, LabelledImages test) {
  private static final int CLASSES = 10;
  private static final int DIGITS = 1_797;
  private static final int DIGIT_PIXELS = 64;
  private static final int DIGITS_TO_TRAIN = 1_437;
  private static final int ARTICLES = 10_000;
  private static final int ARTICLE_PIXELS = 28 * 28;
  private static final int ARTICLES_TO_TRAIN = 8_000;
  private static final int IDX_IMAGES = 0x803;
  private static final int IDX_LABELS = 0x801;

  /** Handwritten digits. */
  public static ImageTask digits() {
    float[] pixels = new float[DIGITS * DIGIT_PIXELS];
    int[] labels = new int[DIGITS];
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(open("digits/digits.csv.gz"), StandardCharsets.US_ASCII))) {
      for (int i = 0; i < DIGITS; i++) {
        String[] fields = lines.readLine().split(",");
        for (int j = 0; j < DIGIT_PIXELS; j++) {
          pixels[i * DIGIT_PIXELS + j] = Float.parseFloat(fields[j]) / 16;
        }
        labels[i] = (int) Double.parseDouble(fields[DIGIT_PIXELS]);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return cut(new LabelledImages(pixels, labels, DIGIT_PIXELS, CLASSES), DIGITS_TO_TRAIN);
  }

  /** Articles of clothing. */
  public static ImageTask fashion() {
    byte[] shades = idx("t10k-images-idx3-ubyte.gz", ARTICLE_PIXELS, IDX_IMAGES, ARTICLES, 28, 28);
    byte[] classes = idx("t10k-labels-idx1-ubyte.gz", 1, IDX_LABELS, ARTICLES);
    float[] pixels = new float[shades.length];
    for (int i = 0; i < shades.length; i++) {
      pixels[i] = (shades[i] & 0xFF) / 255f;
    }
    int[] labels = new int[ARTICLES];
    Arrays.setAll(labels, i -> classes[i]);
    return cut(new LabelledImages(pixels, labels, ARTICLE_PIXELS, CLASSES), ARTICLES_TO_TRAIN);
  }

  private static ImageTask cut(LabelledImages all, int toTrain) {
    return new ImageTask(all.range(0, toTrain), all.range(toTrain, all.count()));
  }

  /** The bytes behind an IDX header that must read as expected. */
  private static byte[] idx(String file, int bytesPerItem, int... header) {
    try (DataInputStream in = new DataInputStream(open("fashion-mnist-t10k/" + file))) {
      for (int expected : header) {
        int got = in.readInt();
        if (got != expected) {
          throw new IOException(
              String.format(
                  Locale.ROOT, "%s: got %d in its header, expected %d", file, got, expected));
        }
      }
      return in.readNBytes(header[1] * bytesPerItem);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static InputStream open(String file) throws IOException {
    InputStream packed = ImageTask.class.getResourceAsStream("/data/" + file);
    if (packed == null) {
      throw new IllegalStateException("/data/" + file + " is not on the class path");
    }
    return new GZIPInputStream(packed, 1 << 16);
  }
}

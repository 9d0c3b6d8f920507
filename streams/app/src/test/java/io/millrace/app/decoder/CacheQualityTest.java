package io.millrace.app.decoder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.decoder.CacheQuality.Row;
import io.millrace.app.decoder.CacheQuality.Sizes;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Loss that pages add to stories260K, through the operator, against what another program measured
 * on other stories.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CacheQualityTest {
  private static final Sizes USUAL = new Sizes(64, 32, 0);
  private static final int PIECES = 4;

  private CacheQuality quality;

  @BeforeAll
  void learns() {
    StoryModel stories = Models.stories();
    quality = new CacheQuality(stories.decoder(), stories.pieces(0, PIECES));
    quality.learn(stories.pieces(100, 6), 0);
  }

  /** Nats a token, of the research notes; pieces of text differ by as much as is allowed here. */
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "rtn-8, 0.000, 0.001",
    "kivi-4, 0.000, 0.002",
    "kivi-3, 0.001, 0.003",
    "kivi-2, 0.019, 0.008",
    "cskv-25, 0.023, 0.010",
    "transform-2.2, 0.002, 0.002"
  })
  void addsTheLossThatWasMeasuredElsewhere(String codec, double nats, double tolerance) {
    Row row = quality.measure(codec, USUAL, 1);
    assertEquals(codec, row.codec(), "what made the pages");
    assertEquals(nats, row.addedNats(), tolerance, row.toString());
  }

  @Test
  void halfTheBitsInALearnedBasisAddLessThanKivi() {
    Row kivi = quality.measure("kivi-2", USUAL, 1);
    Row learned = quality.measure("transform-1.2", USUAL, 1);
    assertTrue(learned.bits() < 0.55 * kivi.bits(), learned + " against " + kivi);
    assertTrue(learned.addedNats() < 0.6 * kivi.addedNats(), learned + " against " + kivi);
    assertTrue(learned.outputs() < 0.6 * kivi.outputs(), learned + " against " + kivi);
  }

  /** +0.345, +0.101, +0.023, +0.008 in the notes: each step is worth more than a codec. */
  @Test
  void theWindowIsWorthMoreThanTheCodec() {
    double none = quality.measure("kivi-2", new Sizes(0, 32, 0), 0).addedNats();
    double short32 = quality.measure("kivi-2", new Sizes(32, 32, 0), 0).addedNats();
    double usual = quality.measure("kivi-2", USUAL, 0).addedNats();
    double long128 = quality.measure("kivi-2", new Sizes(128, 32, 0), 0).addedNats();
    String all = none + ", " + short32 + ", " + usual + ", " + long128;
    assertEquals(0.345, none, 0.15, all);
    assertTrue(short32 < none / 2 && short32 > 2 * usual, all);
    assertTrue(long128 < usual, all);
  }
}

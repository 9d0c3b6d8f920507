package io.millrace.app.decoder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The forward pass against figures and tensors that an independent program computed. */
class DecoderTest {

  @Test
  void foretellsStoriesAsWellAsItsAuthorsModel() {
    StoryModel stories = Models.stories();
    double loss = meanLoss(stories.decoder(), stories.pieces(0, 8), 8);
    assertTrue(loss > 1.36 && loss < 1.40, "nats a token: " + loss);
  }

  @Test
  void foretellsHeldOutTextAsWellAsWhenItWasTrained() {
    Decoder decoder = Models.bible();
    int[][] pieces = Models.biblePieces();
    int[][] spread =
        IntStream.range(0, 16).mapToObj(i -> pieces[i * pieces.length / 16]).toArray(int[][]::new);
    double loss = meanLoss(decoder, spread, spread.length);
    // 1.441 over other pieces of the same text: one piece differs from the next by 0.1
    assertEquals(1.441, loss, 0.04, "nats a byte");
  }

  @Test
  void halvesCostLessThanAThousandthOfANat() {
    Decoder halves = Models.bible();
    Decoder floats =
        new Decoder(
            DecoderWeights.of(
                SharedFolder.bytes("kjv-decoder/kjv_hd64.bin"), DecoderWeights.Format.FLOAT32));
    int[][] pieces = Models.biblePieces();
    double difference = meanLoss(halves, pieces, 4) - meanLoss(floats, pieces, 4);
    assertTrue(difference != 0 && Math.abs(difference) < 1e-3, "nats a byte: " + difference);
  }

  @Test
  void continuesAsAnIndependentProgramDoes() throws IOException {
    StoryModel stories = Models.stories();
    Decoder decoder = stories.decoder();
    JsonNode golden = new ObjectMapper().readTree(SharedFolder.bytes("stories260k/golden.json"));
    int[] expected =
        IntStream.range(0, golden.get("tokenIds").size())
            .map(i -> golden.get("tokenIds").get(i).asInt())
            .toArray();
    int[] prompt = stories.vocabulary().encode(golden.get("prompt").asText());
    assertArrayEquals(Arrays.copyOf(expected, prompt.length), prompt);
    KeyValueCache cache = decoder.exactCache();
    for (int i = 0; i + 1 < expected.length; i++) {
      float[] logits = decoder.step(expected[i], cache);
      if (i + 1 >= prompt.length) {
        assertEquals(expected[i + 1], likeliest(logits), "token " + (i + 1));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"stories260K", "kjv-hd64"})
  void keysValuesAndQueriesAreThoseOfTheDump(String model) throws IOException {
    boolean stories = model.equals("stories260K");
    JsonNode header =
        new ObjectMapper().readTree(SharedFolder.bytes("kv-dumps/" + model + ".json"));
    // the dump was taken from the weights before they were rounded to halves
    Decoder decoder =
        stories
            ? Models.stories().decoder()
            : new Decoder(
                DecoderWeights.of(
                    SharedFolder.bytes("kjv-decoder/kjv_hd64.bin"), DecoderWeights.Format.FLOAT32));
    TensorCapture captured = new TensorCapture(decoder);
    for (JsonNode token : header.get("token_ids")) {
      if (captured.tokens() < header.get("tokens").asInt()) {
        decoder.step(token.asInt(), captured);
      }
    }
    int[] layers =
        header.has("layer_ids")
            ? new ObjectMapper().convertValue(header.get("layer_ids"), int[].class)
            : IntStream.range(0, header.get("layers").asInt()).toArray();
    assertNear(SharedFolder.floats("kv-dumps/" + model + ".k.f32"), captured.keys(layers));
    assertNear(SharedFolder.floats("kv-dumps/" + model + ".v.f32"), captured.values(layers));
    assertNear(SharedFolder.floats("kv-dumps/" + model + ".q.f32"), captured.queries(layers));
  }

  @Test
  void refusesCheckpointsThatAreCutOffOrTooLong() {
    byte[] tiny = TinyCheckpoint.bytes();
    DecoderWeights.of(tiny, DecoderWeights.Format.FLOAT32);
    for (int length : new int[] {0, 27, 28, tiny.length / 2, tiny.length - 1, tiny.length + 4}) {
      assertThrows(
          IllegalArgumentException.class,
          () -> DecoderWeights.of(Arrays.copyOf(tiny, length), DecoderWeights.Format.FLOAT32),
          "length " + length);
    }
    tiny[3] = 0x7f;
    assertThrows(
        IllegalArgumentException.class,
        () -> DecoderWeights.of(tiny, DecoderWeights.Format.FLOAT32));
  }

  @Test
  void refusesTokensThatItDoesNotKnowAndMoreThanItsContext() {
    Decoder decoder =
        new Decoder(DecoderWeights.of(TinyCheckpoint.bytes(), DecoderWeights.Format.FLOAT32));
    KeyValueCache cache = decoder.exactCache();
    int vocabulary = decoder.shape().vocabulary();
    assertThrows(IllegalArgumentException.class, () -> decoder.step(vocabulary, cache));
    assertThrows(IllegalArgumentException.class, () -> decoder.step(-1, cache));
    for (int i = 0; i < decoder.shape().context(); i++) {
      decoder.step(0, cache);
    }
    assertThrows(IllegalArgumentException.class, () -> decoder.step(0, cache));
  }

  private static void assertNear(float[] expected, float[] got) {
    assertEquals(expected.length, got.length);
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      worst = Math.max(worst, Math.abs(expected[i] - got[i]) / Math.max(1, Math.abs(expected[i])));
    }
    assertTrue(worst < 1e-4, "largest difference " + worst);
  }

  private static double meanLoss(Decoder decoder, int[][] pieces, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += TextLoss.nats(decoder, pieces[i], decoder.exactCache());
    }
    return sum / count;
  }

  private static int likeliest(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    return best;
  }
}

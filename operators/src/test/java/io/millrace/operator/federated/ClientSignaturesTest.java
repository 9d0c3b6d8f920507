package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Against RFC 8032, section 7.1. */
class ClientSignaturesTest {
  private static final List<Vector> VECTORS =
      List.of(
          new Vector(
              "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
              "",
              "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
                  + "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
          new Vector(
              "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
              "72",
              "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da0"
                  + "85ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
          new Vector(
              "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
              "af82",
              "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac1"
                  + "8ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"));

  private record Vector(String publicKey, String text, String signed) {
    ByteBuffer key() {
      return ByteBuffer.wrap(HexFormat.of().parseHex(publicKey));
    }

    byte[] message() {
      return HexFormat.of().parseHex(text);
    }

    ByteBuffer signature() {
      return ByteBuffer.wrap(HexFormat.of().parseHex(signed));
    }
  }

  @Test
  void signaturesOfTheStandardAreTaken() {
    for (Vector vector : VECTORS) {
      ByteBuffer key = vector.key();
      assertTrue(ClientSignatures.isKey(key));
      assertTrue(ClientSignatures.verify(key, vector.message(), vector.signature()));
      assertEquals(32, key.remaining(), "the key was modified");
    }
  }

  @Test
  void anyFlippedBitIsNoticed() {
    Vector vector = VECTORS.get(2);
    for (int bit = 0; bit < 8 * ClientSignatures.SIGNATURE_BYTES; bit++) {
      ByteBuffer signature = vector.signature();
      flip(signature, bit);
      assertFalse(ClientSignatures.verify(vector.key(), vector.message(), signature), "s" + bit);
    }
    for (int bit = 0; bit < 8 * ClientSignatures.KEY_BYTES; bit++) {
      ByteBuffer key = vector.key();
      flip(key, bit);
      assertFalse(ClientSignatures.verify(key, vector.message(), vector.signature()), "k" + bit);
    }
    assertFalse(ClientSignatures.verify(vector.key(), new byte[2], vector.signature()));
  }

  @Test
  void anothersSignatureIsNone() {
    assertFalse(
        ClientSignatures.verify(
            VECTORS.get(0).key(), VECTORS.get(1).message(), VECTORS.get(1).signature()));
  }

  @Test
  void otherLengthsAreRefused() {
    Vector vector = VECTORS.get(1);
    for (int length : new int[] {0, 31, 33, 64}) {
      ByteBuffer key = ByteBuffer.wrap(java.util.Arrays.copyOf(vector.key().array(), length));
      assertFalse(ClientSignatures.isKey(key), "" + length);
      assertFalse(ClientSignatures.verify(key, vector.message(), vector.signature()));
    }
    assertFalse(ClientSignatures.verify(vector.key(), vector.message(), vector.key()));
  }

  @Test
  void bytesThatAreNoPointAreNoKey() {
    int keys = 0;
    for (int y = 2; y < 66; y++) {
      keys += ClientSignatures.isKey(ByteBuffer.allocate(32).put(0, (byte) y)) ? 1 : 0;
    }
    // about half of all numbers are the ordinate of a point
    assertTrue(keys > 10 && keys < 54, keys + " of 64");
  }

  private static void flip(ByteBuffer bytes, int bit) {
    bytes.put(bit / 8, (byte) (bytes.get(bit / 8) ^ 1 << bit % 8));
  }
}

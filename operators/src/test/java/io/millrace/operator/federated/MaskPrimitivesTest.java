package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.federated.FederatedSettings.Masked;
import io.millrace.operator.federated.FederatedSettings.Masking;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class MaskPrimitivesTest {
  private static final HexFormat HEX = HexFormat.of();

  private static byte[] hex(String text) {
    return HEX.parseHex(text);
  }

  /** RFC 5869, A.1, A.3. */
  @Test
  void derivedKeysAreThoseOfTheStandard() {
    byte[] secret = new byte[22];
    Arrays.fill(secret, (byte) 0x0b);
    assertEquals(
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        HEX.formatHex(
            KeyDerivation.derive(
                secret, hex("000102030405060708090a0b0c"), hex("f0f1f2f3f4f5f6f7f8f9"), 42)));
    assertEquals(
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        HEX.formatHex(KeyDerivation.derive(secret, new byte[0], new byte[0], 42)));
  }

  /** RFC 7748, 6.1. */
  @Test
  void agreedSecretIsThatOfTheStandard() {
    AgreementKey alice =
        AgreementKey.of(hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
    AgreementKey bob =
        AgreementKey.of(hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
    assertEquals(
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        HEX.formatHex(alice.publicKey()));
    assertEquals(
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        HEX.formatHex(bob.publicKey()));
    byte[] secret = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assertArrayEquals(secret, alice.agree(bob.publicKey()));
    assertArrayEquals(secret, bob.agree(alice.publicKey()));
    assertThrows(IllegalArgumentException.class, () -> alice.agree(new byte[32]));
    assertThrows(IllegalArgumentException.class, () -> alice.agree(new byte[33]));
    assertThrows(IllegalArgumentException.class, () -> AgreementKey.of(new byte[31]));
  }

  /** RFC 8439, A.1, vectors 1 and 2: key and nonce 0, then block 1 behind block 0. */
  @Test
  void maskIsTheStandardsStreamAndSeekableByChunk() {
    int[] words = new int[32];
    new MaskStream().add(new byte[32], 0, words);
    ByteBuffer bytes = ByteBuffer.allocate(128).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asIntBuffer().put(words);
    assertEquals(
        "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
            + "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
            + "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
            + "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
        HEX.formatHex(bytes.array()));
    int[] other = new int[3000];
    new MaskStream().add(new byte[32], 1, other);
    assertFalse(Arrays.equals(words, Arrays.copyOf(other, 32)));
    int[] longer = new int[5000];
    MaskStream stream = new MaskStream();
    stream.add(new byte[32], 7, longer);
    stream.add(new byte[32], 1, longer);
    stream.subtract(new byte[32], 7, longer);
    assertArrayEquals(other, Arrays.copyOf(longer, 3000));
  }

  @Test
  void anyThresholdOfSharesBringsTheSecretBack() {
    assertTrue(SecretSharing.PRIME.isProbablePrime(100));
    int[] places = {1, 2, 5, 9, 700, 701};
    for (int round = 0; round < 20; round++) {
      byte[] secret = new byte[32];
      new Random(round).nextBytes(secret);
      if (round == 0) {
        Arrays.fill(secret, (byte) -1);
      }
      byte[][] shares = SecretSharing.deal(secret, 4, places, new Random(round + 100)::nextBytes);
      for (int mask = 1; mask < 64; mask++) {
        TreeMap<Integer, byte[]> some = new TreeMap<>();
        for (int i = 0; i < 6; i++) {
          if ((mask >> i & 1) == 1) {
            some.put(places[i], shares[i]);
          }
        }
        if (some.size() >= 4) {
          assertArrayEquals(secret, SecretSharing.recover(some));
        } else {
          assertFalse(Arrays.equals(secret, recoverOrEmpty(some)));
        }
      }
    }
  }

  /** The same secret and use: the same bytes; another of either: others. */
  @Test
  void derivedBytesFollowFromTheSecretAndItsUse() {
    byte[] secret = MaskedRun.secret(1);
    byte[] use = {1, 2};
    DerivedBytes first = new DerivedBytes(secret, use);
    DerivedBytes second = new DerivedBytes(secret.clone(), use.clone());
    secret[0] ^= 1;
    DerivedBytes other = new DerivedBytes(secret, use);
    secret[0] ^= 1;
    DerivedBytes otherUse = new DerivedBytes(secret, new byte[] {1, 3});
    TreeMap<String, Integer> drawn = new TreeMap<>();
    for (int length : new int[] {32, 33, 33, 100}) {
      byte[] bytes = new byte[length];
      byte[] again = new byte[length];
      first.fill(bytes);
      second.fill(again);
      assertArrayEquals(bytes, again);
      drawn.merge(Arrays.toString(Arrays.copyOf(bytes, 32)), 1, Integer::sum);
      other.fill(bytes);
      drawn.merge(Arrays.toString(Arrays.copyOf(bytes, 32)), 1, Integer::sum);
      otherUse.fill(bytes);
      drawn.merge(Arrays.toString(Arrays.copyOf(bytes, 32)), 1, Integer::sum);
    }
    assertEquals(12, drawn.size());
  }

  private static byte[] recoverOrEmpty(TreeMap<Integer, byte[]> shares) {
    try {
      return SecretSharing.recover(shares);
    } catch (IllegalArgumentException e) {
      return new byte[0];
    }
  }

  /** With t - 1 shares every secret is as possible as any other: a share for it always exists. */
  @Test
  void fewerSharesSayNothing() {
    byte[] secret = new byte[32];
    secret[0] = 42;
    byte[][] shares = SecretSharing.deal(secret, 3, new int[] {1, 2, 3}, new Random(1)::nextBytes);
    for (int guess = 0; guess < 50; guess++) {
      // The parabola through (1, s1), (2, s2) and (0, guess) at 3: 3 s2 - 3 s1 + guess.
      BigInteger third =
          AgreementKey.littleEndian(shares[1])
              .subtract(AgreementKey.littleEndian(shares[0]))
              .multiply(BigInteger.valueOf(3))
              .add(BigInteger.valueOf(guess))
              .mod(SecretSharing.PRIME);
      TreeMap<Integer, byte[]> some = new TreeMap<>();
      some.put(1, shares[0]);
      some.put(2, shares[1]);
      some.put(3, AgreementKey.littleEndian(third, 33));
      assertEquals(guess, SecretSharing.recover(some)[0] & 255);
      assertEquals(guess == 42, Arrays.equals(some.get(3), shares[2]));
    }
  }

  @Test
  void envelopeOpensWithItsKeyOnly() {
    byte[] seedShare = new byte[33];
    byte[] keyShare = new byte[33];
    seedShare[3] = 1;
    keyShare[32] = 1;
    byte[] key = new byte[32];
    byte[] sealed = new ShareEnvelope(seedShare, keyShare).seal(key);
    assertEquals(ShareEnvelope.SEALED_BYTES, sealed.length);
    assertArrayEquals(keyShare, ShareEnvelope.open(key, sealed).orElseThrow().keyShare());
    assertArrayEquals(seedShare, ShareEnvelope.open(key, sealed).orElseThrow().seedShare());
    for (int i = 0; i < sealed.length; i++) {
      byte[] damaged = sealed.clone();
      damaged[i] ^= 1;
      assertTrue(ShareEnvelope.open(key, damaged).isEmpty());
      assertTrue(ShareEnvelope.open(key, Arrays.copyOf(sealed, i)).isEmpty());
    }
    key[31] = 1;
    assertTrue(ShareEnvelope.open(key, sealed).isEmpty());
  }

  @Test
  void everyMemberOfTheGraphHasItsNeighboursBothWays() {
    for (int n : new int[] {2, 3, 7, 8, 40}) {
      for (int k : new int[] {0, 2, 4, 6, 8, 40}) {
        NeighbourGraph graph = new NeighbourGraph(n, k, 31L * n + k);
        int degree = k == 0 ? n - 1 : Math.min(k, n - 1);
        assertEquals(degree + 1, graph.groupSize());
        for (int a = 0; a < n; a++) {
          int[] group = graph.group(a);
          assertEquals(degree + 1, Arrays.stream(group).distinct().count(), n + ", " + k);
          assertTrue(Arrays.binarySearch(group, a) >= 0);
          for (int b = 0; b < n; b++) {
            boolean neighbours = Arrays.binarySearch(group, b) >= 0 && a != b;
            assertEquals(neighbours, Arrays.binarySearch(graph.group(b), a) >= 0 && a != b);
          }
        }
      }
    }
    assertFalse(
        Arrays.equals(
            new NeighbourGraph(40, 4, 1).group(0), new NeighbourGraph(40, 4, 2).group(0)));
    assertThrows(IllegalArgumentException.class, () -> new NeighbourGraph(8, 3, 1));
  }

  @Test
  void sumsAtTheBoundStayWithin32Bits() {
    for (float largest : new float[] {1e-20f, 0.1f, 0.5f, 1, 3.7f, 1e9f}) {
      for (int[] clients : new int[][] {{1, 1}, {8, 1}, {64, 1}, {1000, 1}, {64, 1000}, {3, 7}}) {
        long total = (long) clients[0] * clients[1];
        MaskedScale scale = MaskedScale.finest(largest, total);
        int term = scale.terms(new float[] {largest, -largest}, clients[1])[0];
        assertTrue((long) term * clients[0] <= Integer.MAX_VALUE, scale.toString());
        // One bit more would leave them, or come within a unit a weight of it.
        double next = (Math.floor(2 * largest / scale.unit()) + 1) * total;
        assertTrue(next > Integer.MAX_VALUE, scale.toString());
        assertEquals(-term, scale.terms(new float[] {largest, -largest}, clients[1])[1]);
        assertEquals((double) largest * clients[1], term * scale.unit(), 0.5 * scale.unit());
        assertThrows(
            IllegalArgumentException.class,
            () -> scale.terms(new float[] {0, Math.nextUp(largest)}, 1));
        assertThrows(
            IllegalArgumentException.class,
            () -> new MaskedScale(scale.bits() + 1, largest, total));
      }
    }
    assertThrows(IllegalArgumentException.class, () -> MaskedScale.finest(1, 1L << 25));
    assertThrows(IllegalArgumentException.class, () -> MaskedScale.finest(1, 1L << 40));
    assertThrows(IllegalArgumentException.class, () -> MaskedScale.finest(Float.NaN, 8));
    assertThrows(
        IllegalArgumentException.class,
        () -> MaskedScale.finest(1, 8).terms(new float[] {Float.NaN}, 1));
  }

  @Test
  void settingsWhoseMasksWouldNotFitARecordAreRefused() {
    Synchronous many = new Synchronous(1000, 2, 0, false);
    assertThrows(
        IllegalArgumentException.class, () -> new Masked(many, new Masking(0.5, 0, 1, 1000)));
    new Masked(many, new Masking(0.5, 20, 1, 1000));
    new Masked(new Synchronous(300, 2, 0, false), new Masking(0.5, 0, 1, 1000));
    assertThrows(IllegalArgumentException.class, () -> new Masking(0.49, 0, 1, 1000));
    assertThrows(IllegalArgumentException.class, () -> new Masking(0.5, 3, 1, 1000));
    assertThrows(
        IllegalArgumentException.class,
        () -> new Masked(new Synchronous(1, 1, 0, false), new Masking(0.5, 0, 1, 1000)));
    assertThrows(
        IllegalArgumentException.class,
        () -> new Masked(new Synchronous(8, 4, 0, true), new Masking(0.5, 0, 1, 1000)));
  }
}

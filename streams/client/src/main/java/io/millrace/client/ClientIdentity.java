package io.millrace.client;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;

/**
 * A client's Ed25519 key (RFC 8032), by which its commits are known, and a secret for its local
 * noise. Made once, kept in a file that only its owner may read:
 *
 * <pre>
 * public key, 32 bytes | secret, 32 bytes | private key, PKCS #8
 * </pre>
 *
 * <p>One thread.
 */
public final class ClientIdentity {
  private static final String ALGORITHM = "Ed25519";
  private static final int PART = 32;
  private static final int MOST_BYTES = 1024;

  private final byte[] publicKey;
  private final byte[] secret;
  private final PrivateKey privateKey;

  private ClientIdentity(byte[] bytes) throws GeneralSecurityException {
    publicKey = Arrays.copyOf(bytes, PART);
    secret = Arrays.copyOfRange(bytes, PART, 2 * PART);
    privateKey =
        KeyFactory.getInstance(ALGORITHM)
            .generatePrivate(
                new PKCS8EncodedKeySpec(Arrays.copyOfRange(bytes, 2 * PART, bytes.length)));
  }

  /** A new one, kept nowhere. */
  public static ClientIdentity random() {
    try {
      return new ClientIdentity(generate());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has " + ALGORITHM, e);
    }
  }

  /**
   * The identity in a file, made there first if there is none.
   *
   * @throws IOException when the file cannot be read or written, or holds something else
   */
  public static ClientIdentity in(Path file) throws IOException {
    try {
      if (!Files.exists(file)) {
        create(file, generate());
      }
      if (Files.size(file) > MOST_BYTES) {
        throw new IOException(file + " is no client key: " + Files.size(file) + " bytes");
      }
      byte[] bytes = Files.readAllBytes(file);
      if (bytes.length <= 2 * PART) {
        throw new IOException(file + " is no client key: " + bytes.length + " bytes");
      }
      return new ClientIdentity(bytes);
    } catch (GeneralSecurityException e) {
      throw new IOException(file + " is no client key: " + e.getMessage(), e);
    }
  }

  private static void create(Path file, byte[] bytes) throws IOException {
    boolean posix = file.getFileSystem().supportedFileAttributeViews().contains("posix");
    if (posix) {
      Files.createFile(
          file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    }
    Files.write(file, bytes, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
  }

  private static byte[] generate() throws GeneralSecurityException {
    KeyPair pair = KeyPairGenerator.getInstance(ALGORITHM).generateKeyPair();
    // X.509 ends with the raw key: RFC 8410, section 4.
    byte[] encoded = pair.getPublic().getEncoded();
    byte[] secret = new byte[PART];
    new SecureRandom().nextBytes(secret);
    byte[] privateKey = pair.getPrivate().getEncoded();
    return ByteBuffer.allocate(2 * PART + privateKey.length)
        .put(encoded, encoded.length - PART, PART)
        .put(secret)
        .put(privateKey)
        .array();
  }

  /** 32 bytes, as {@code ClientKey.publicKey} carries them. */
  public byte[] publicKey() {
    return publicKey.clone();
  }

  /** Never to be sent. */
  byte[] secret() {
    return secret.clone();
  }

  /** 64 bytes. */
  byte[] sign(byte[] message) {
    try {
      Signature signature = Signature.getInstance(ALGORITHM);
      signature.initSign(privateKey);
      signature.update(message);
      return signature.sign();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("message cannot be signed", e);
    }
  }
}

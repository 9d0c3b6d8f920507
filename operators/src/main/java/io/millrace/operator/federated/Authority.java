package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.SettingCheck;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * The aggregator's word: commands, reports and tasks travel over topics that clients write to, and
 * count only with its HMAC-SHA256 (RFC 2104). Each use has a key of its own, derived from the
 * master key, which appears in no record, state or log. One thread.
 */
public final class Authority {
  /** Least bytes of a master key. */
  public static final int MINIMUM_KEY_BYTES = 16;

  private static final String HMAC = "HmacSHA256";

  private final Mac records;
  private final Mac tasks;
  private final byte[] noiseKey;

  /**
   * @param masterKey secret, {@link #MINIMUM_KEY_BYTES} or more; copied
   */
  public Authority(byte[] masterKey) {
    SettingCheck.range("bytes of the master key", masterKey.length, MINIMUM_KEY_BYTES, 1 << 16);
    Mac master = mac(masterKey);
    records = mac(master.doFinal(new CanonicalBytes("records").toBytes()));
    tasks = mac(master.doFinal(new CanonicalBytes("tasks").toBytes()));
    noiseKey = master.doFinal(new CanonicalBytes("noise").toBytes());
  }

  /** A record that counts as ours under one record key. */
  public AuthorisedRecord authorise(String recordKey, byte[] framed) {
    return new AuthorisedRecord(
        ByteBuffer.wrap(framed), ByteBuffer.wrap(records.doFinal(bound(recordKey, framed))));
  }

  /**
   * The framed record inside.
   *
   * @throws InvalidInputException when it is not ours, or stands under another key than ours did
   */
  public byte[] open(String recordKey, AuthorisedRecord record) {
    byte[] framed = CanonicalBytes.array(record.getRecord());
    byte[] expected = records.doFinal(bound(recordKey, framed));
    if (!MessageDigest.isEqual(expected, CanonicalBytes.array(record.getAuthenticator()))) {
      throw new InvalidInputException(
          Reason.UNAUTHORISED, "authenticator is not the aggregator's for this record and key");
    }
    return framed;
  }

  /** Vouches for a task: sets its authenticator. */
  UpdateTask vouch(UpdateTask task) {
    task.setAuthenticator(ByteBuffer.wrap(tasks.doFinal(Digests.vouched(task))));
    return task;
  }

  /**
   * Passes tasks that were given here.
   *
   * @throws InvalidInputException for any other
   */
  void require(UpdateTask task) {
    byte[] expected = tasks.doFinal(Digests.vouched(task));
    if (!MessageDigest.isEqual(expected, CanonicalBytes.array(task.getAuthenticator()))) {
      throw new InvalidInputException(
          Reason.UNAUTHORISED,
          "task " + task.getSequence() + " of " + task.getClient() + " was not given here");
    }
  }

  /** Noise that only the aggregator can tell from the sum, the same in every replay. */
  CounterNoise noise() {
    return new CounterNoise(noiseKey);
  }

  private static byte[] bound(String recordKey, byte[] framed) {
    return new CanonicalBytes("record").text(recordKey).bytes(framed).toBytes();
  }

  private static Mac mac(byte[] key) {
    try {
      Mac mac = Mac.getInstance(HMAC);
      mac.init(new SecretKeySpec(key, HMAC));
      return mac;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has " + HMAC, e);
    }
  }
}

package io.millrace.schema;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.SystemLimitException;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;

/**
 * Avro single-object encoding of one record type: marker C3 01, little-endian CRC-64-AVRO
 * fingerprint of the writer's schema, binary body. Reads every released version of the type.
 *
 * <p>Readers are built from the known class: no class is ever loaded by a name in a record. Reuses
 * its buffers: one instance belongs to one thread.
 *
 * @param <T> the record
 */
public final class SingleObject<T extends SpecificRecord> {
  /** Bytes in front of the body. */
  public static final int HEADER_BYTES = 10;

  private final Class<T> type;
  private final Schema schema;
  private final long fingerprint;
  private final SpecificDatumWriter<T> writer;
  private final SpecificData data;
  private final Map<Long, SpecificDatumReader<T>> readers = new HashMap<>();
  private final ByteArrayOutputStream buffer = new ByteArrayOutputStream(512);
  // a stream's records nearly always share one schema: no look-up, no boxed fingerprint
  private SpecificDatumReader<T> newest;
  private long newestFingerprint;
  private BinaryEncoder encoder;
  private BinaryDecoder decoder;

  private SingleObject(Class<T> type) {
    this.type = type;
    this.data = new KnownClasses();
    this.schema = data.getSchema(type);
    this.fingerprint = SchemaNormalization.parsingFingerprint64(schema);
    this.writer = new SpecificDatumWriter<>(schema, data);
  }

  /** Framing for a generated record class. */
  public static <T extends SpecificRecord> SingleObject<T> of(Class<T> type) {
    return new SingleObject<>(type);
  }

  /**
   * Simple name of the record in framed bytes, by its fingerprint alone: for topics that carry
   * several types.
   *
   * @param bytes not modified; may be null
   * @throws UnreadableRecordException EMPTY, BAD_FRAMING or UNKNOWN_SCHEMA
   */
  public static String recordName(byte[] bytes) {
    long written = fingerprint(bytes, "record");
    Schema writer = SchemaHistory.shipped().withFingerprintOrNull(written);
    if (writer == null) {
      throw unknown(written, "record");
    }
    return writer.getName();
  }

  /** The framed bytes of a record, written with the current schema. The record is not modified. */
  public byte[] encode(T record) {
    buffer.reset();
    byte[] header = new byte[HEADER_BYTES];
    ByteBuffer.wrap(header)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put((byte) 0xC3)
        .put((byte) 0x01)
        .putLong(fingerprint);
    buffer.write(header, 0, HEADER_BYTES);
    try {
      encoder = EncoderFactory.get().directBinaryEncoder(buffer, encoder);
      writer.write(record, encoder);
      encoder.flush();
    } catch (IOException e) {
      throw new IllegalStateException(type.getSimpleName() + " cannot be encoded", e);
    }
    return buffer.toByteArray();
  }

  /** As {@link #decode(byte[], SpecificRecord)}, into a new record. */
  public T decode(byte[] bytes) {
    return decode(bytes, null);
  }

  /**
   * The record in framed bytes.
   *
   * @param bytes not modified; may be null
   * @param reuse a record to fill, or null for a new one; its content is undefined after an
   *     exception
   * @throws UnreadableRecordException with the kind of damage; no more memory is taken than the
   *     bytes justify
   */
  public T decode(byte[] bytes, T reuse) {
    long written = fingerprint(bytes, type.getSimpleName());
    if (newest == null || written != newestFingerprint) {
      newest = readerFor(written);
      newestFingerprint = written;
    }
    SpecificDatumReader<T> reader = newest;
    try {
      decoder =
          DecoderFactory.get()
              .binaryDecoder(bytes, HEADER_BYTES, bytes.length - HEADER_BYTES, decoder);
      T record = reader.read(reuse, decoder);
      if (!decoder.isEnd()) {
        throw unreadable(UnreadableRecordException.Kind.MALFORMED, "has bytes after its end");
      }
      return record;
    } catch (UnreadableRecordException e) {
      throw e;
    } catch (IOException
        | AvroRuntimeException
        | UnsupportedOperationException
        | IndexOutOfBoundsException
        | ClassCastException
        | IllegalArgumentException e) {
      String what =
          e instanceof SystemLimitException ? "breaks a limit: " : "ends early or is damaged: ";
      throw unreadable(UnreadableRecordException.Kind.MALFORMED, what + e.getMessage());
    }
  }

  private SpecificDatumReader<T> readerFor(long written) {
    SpecificDatumReader<T> known = readers.get(written);
    if (known != null) {
      return known;
    }
    Schema writerSchema =
        written == fingerprint ? schema : SchemaHistory.shipped().withFingerprintOrNull(written);
    if (writerSchema == null) {
      throw unknown(written, type.getSimpleName());
    }
    if (!writerSchema.getFullName().equals(schema.getFullName())) {
      throw unreadable(
          UnreadableRecordException.Kind.WRONG_SCHEMA, "is a " + writerSchema.getName());
    }
    SpecificDatumReader<T> reader = new SpecificDatumReader<>(writerSchema, schema, data);
    readers.put(written, reader);
    return reader;
  }

  private static long fingerprint(byte[] bytes, String expected) {
    if (bytes == null || bytes.length == 0) {
      throw unreadable(UnreadableRecordException.Kind.EMPTY, "is empty", expected);
    }
    if (bytes.length < HEADER_BYTES || (bytes[0] & 0xFF) != 0xC3 || bytes[1] != 0x01) {
      throw unreadable(
          UnreadableRecordException.Kind.BAD_FRAMING,
          "of " + bytes.length + " bytes does not start with C3 01 and a fingerprint",
          expected);
    }
    return ByteBuffer.wrap(bytes, 2, 8).order(ByteOrder.LITTLE_ENDIAN).getLong();
  }

  private static UnreadableRecordException unknown(long fingerprint, String expected) {
    return unreadable(
        UnreadableRecordException.Kind.UNKNOWN_SCHEMA,
        String.format("has schema fingerprint %016x, which no released schema has", fingerprint),
        expected);
  }

  private UnreadableRecordException unreadable(UnreadableRecordException.Kind kind, String what) {
    return unreadable(kind, what, type.getSimpleName());
  }

  private static UnreadableRecordException unreadable(
      UnreadableRecordException.Kind kind, String what, String expected) {
    return new UnreadableRecordException(kind, "record " + what + ", expected a " + expected);
  }
}

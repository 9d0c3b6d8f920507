package io.millrace.app.replay;

import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.zip.GZIPInputStream;

/** Readings in a CSV file with a header row, plain or gzip (told by its content, not its name). */
public final class CsvDataset implements SensorDataset {
  private static final int BUFFER_BYTES = 1 << 16;

  private final Path file;
  private final CsvFormat format;

  public CsvDataset(Path file, CsvFormat format) {
    this.file = Objects.requireNonNull(file, "file");
    this.format = Objects.requireNonNull(format, "format");
  }

  @Override
  public String name() {
    return file.getFileName().toString();
  }

  @Override
  public ReadingCursor open() {
    try {
      long size = Files.size(file);
      CountedInput counted = new CountedInput(Files.newInputStream(file), size);
      try {
        InputStream in = new BufferedInputStream(counted, BUFFER_BYTES);
        in.mark(2);
        boolean zipped = in.read() == 0x1F && in.read() == 0x8B;
        in.reset();
        BufferedReader lines =
            new BufferedReader(
                new InputStreamReader(
                    zipped ? new GZIPInputStream(in, BUFFER_BYTES) : in, format.charset()));
        return new CsvCursor(lines, counted::fraction, format, defaultKey());
      } catch (IOException | RuntimeException e) {
        counted.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be read: " + e, e);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    }
  }

  private String defaultKey() {
    return name().replaceFirst("(?i)(\\.(csv|tsv|txt))?(\\.gz)?$", "");
  }

  private static final class CountedInput extends FilterInputStream {
    private final long size;
    private long read;

    CountedInput(InputStream in, long size) {
      super(in);
      this.size = size;
    }

    @Override
    public int read() throws IOException {
      int value = super.read();
      read += value < 0 ? 0 : 1;
      return value;
    }

    @Override
    public int read(byte[] bytes, int from, int count) throws IOException {
      int got = super.read(bytes, from, count);
      read += Math.max(got, 0);
      return got;
    }

    double fraction() {
      return size == 0 ? 1 : Math.min(1, (double) read / size);
    }
  }
}

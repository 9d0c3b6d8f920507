package io.millrace.operator.kvcache;

import io.millrace.operator.kvcache.KeyValueSettings.Bases;
import io.millrace.operator.kvcache.KeyValueSettings.Lifetime;
import io.millrace.operator.kvcache.KeyValueSettings.Limits;
import io.millrace.operator.kvcache.KeyValueSettings.Summary;
import io.millrace.operator.kvcache.KeyValueSettings.Tier;
import io.millrace.operator.kvcache.KeyValueSettings.Tiers;
import io.millrace.operator.kvcache.KeyValueSettings.Window;

/** Settings for tests: window 16, pages of 8, 3 sinks, 4-bit pages for ever, no samples. */
final class KeyValueTestSettings {
  private Window window = new Window(16, 8, 3);
  private Tier fine = new Tier("rotated-4", "rotated-4", 0, 0);
  private Tier coarse = new Tier("rotated-2", "rotated-2", 0, 0);
  private Summary summary = new Summary(8, 0, 5);
  private double labelShare;
  private Lifetime lifetime = new Lifetime(0, 0);
  private Bases bases = new Bases(false, 0, 256);

  KeyValueTestSettings window(int window, int page, int sinks) {
    this.window = new Window(window, page, sinks);
    return this;
  }

  KeyValueTestSettings fine(String keys, String values, double errorBound) {
    this.fine = new Tier(keys, values, 0, errorBound);
    return this;
  }

  KeyValueTestSettings coarse(String codec, long afterMillis, double errorBound) {
    this.coarse = new Tier(codec, codec, afterMillis, errorBound);
    return this;
  }

  KeyValueTestSettings summary(int features, long afterMillis) {
    this.summary = new Summary(features, afterMillis, 5);
    return this;
  }

  KeyValueTestSettings lifetime(long idleMillis, long retentionMillis) {
    this.lifetime = new Lifetime(idleMillis, retentionMillis);
    return this;
  }

  KeyValueTestSettings samples(double share, int maximumBytes, boolean shared) {
    this.bases = new Bases(shared, share, maximumBytes);
    return this;
  }

  KeyValueTestSettings labels(double share) {
    this.labelShare = share;
    return this;
  }

  KeyValueSettings build() {
    return new KeyValueSettings(
        window,
        new Tiers(fine, coarse, summary, labelShare),
        lifetime,
        bases,
        new Limits(256, 1024));
  }
}

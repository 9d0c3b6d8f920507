package io.millrace.operator.kvcache;

import io.millrace.operator.SettingCheck;

/**
 * Settings of {@link KeyValueWindow}. A session keeps the window sizes that it began with.
 *
 * @param window what is held exactly
 * @param tiers how pages are kept by age
 * @param lifetime when sessions end and go
 * @param bases how learned bases are fed and shared
 * @param limits beyond which blocks are refused
 */
public record KeyValueSettings(
    Window window, Tiers tiers, Lifetime lifetime, Bases bases, Limits limits) {

  /** Bound on millisecond settings, some 290 years. */
  private static final long MAXIMUM_MILLIS = Long.MAX_VALUE / 1_000_000;

  /**
   * @throws IllegalArgumentException for a window or pages too large for the widest tokens
   */
  public KeyValueSettings {
    SettingCheck.range(
        "window.page x limits.channels",
        (long) Math.max(window.page(), window.sinks()) * limits.channels(),
        1,
        PageShape.MAXIMUM_VALUES);
    SettingCheck.range(
        "(window.window + window.page) x limits.channels",
        (long) window.capacity() * limits.channels(),
        1,
        TokenWindow.MAXIMUM_VALUES);
  }

  /** Whether pages of a group enter sums at last: features are limited in width. */
  boolean summarizes(KeyValueState state) {
    return tiers.summary().afterMillis() > 0
        && state.groupOrNull.getHeadDimension() <= RandomFeatures.LIMIT;
  }

  /**
   * Sizes, in tokens.
   *
   * @param window R, newest tokens that are always held exactly, 0 to 65,535
   * @param page P, tokens of a page, 1 to 4096
   * @param sinks S, first tokens of a session, kept exactly in a page of their own, 0 to 4096
   */
  public record Window(int window, int page, int sinks) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Window {
      SettingCheck.range("window", window, 0, 65_535);
      SettingCheck.range("page", page, 1, 4096);
      SettingCheck.range("sinks", sinks, 0, 4096);
    }

    /** Tokens that are held at most: R + P, or S. */
    int capacity() {
      return Math.max(window + page, sinks);
    }
  }

  /**
   * How pages are kept by age. Ages are event time since a page's last token came; each is above
   * the one before it.
   *
   * @param fine at once; its {@code afterMillis} is 0
   * @param coarse later; {@code afterMillis} 0: never
   * @param summary at last
   * @param labelShare share of each head's channels in the label column of key pages, by which
   *     readers choose pages, 0 to 1; 0: no column
   */
  public record Tiers(Tier fine, Tier coarse, Summary summary, double labelShare) {
    /**
     * @throws IllegalArgumentException for ages out of order, or a share out of range
     */
    public Tiers {
      SettingCheck.range("tiers.label-share", labelShare, 0, 1);
      SettingCheck.range("tiers.fine.after-millis", fine.afterMillis(), 0, 0);
      if (summary.afterMillis() > 0) {
        SettingCheck.range(
            "tiers.summary.after-millis",
            summary.afterMillis(),
            coarse.afterMillis() + 1,
            MAXIMUM_MILLIS);
      }
    }
  }

  /**
   * One tier of pages.
   *
   * @param keys codec of keys, a name that {@link PageCodecs#named} knows
   * @param values codec of values
   * @param afterMillis age at which it begins
   * @param errorBound relative error beyond which a page stays in the tier before: exact before
   *     fine, fine before coarse; 0: no bound
   */
  public record Tier(String keys, String values, long afterMillis, double errorBound) {
    /**
     * @throws IllegalArgumentException for an unknown codec, or a value out of range
     */
    public Tier {
      // refuses an unknown name
      PageCodecs.named(keys, CodecContext.NONE);
      PageCodecs.named(values, CodecContext.NONE);
      SettingCheck.range("after-millis", afterMillis, 0, MAXIMUM_MILLIS);
      SettingCheck.range("error-bound", errorBound, 0, 1e6);
    }
  }

  /**
   * Aged tokens as sums of random features, constant in size: {@link AttentionSummary}.
   *
   * @param features m a head, 1 to 4096
   * @param afterMillis age at which pages enter the sums; 0: never
   * @param seed of the random directions
   */
  public record Summary(int features, long afterMillis, long seed) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Summary {
      SettingCheck.range("summary.features", features, 1, 4096);
      SettingCheck.range("summary.after-millis", afterMillis, 0, MAXIMUM_MILLIS);
    }
  }

  /**
   * When sessions end and go, in event time.
   *
   * @param idleMillis silence after which a session ends; 0: never
   * @param retentionMillis time from a session's end until its pages are removed; 0: never
   */
  public record Lifetime(long idleMillis, long retentionMillis) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Lifetime {
      SettingCheck.range("idle-millis", idleMillis, 0, MAXIMUM_MILLIS);
      SettingCheck.range("retention-millis", retentionMillis, 0, MAXIMUM_MILLIS);
    }
  }

  /**
   * How learned bases are fed and shared.
   *
   * @param shared whether tenants share bases: their ids then begin with the model
   * @param sampleShare share of pages whose tokens are sampled once a basis is known, 0 to 1; until
   *     then all are, and with 0 none ever
   * @param maximumSampleBytes bound on the elements of one sample record; a token more where one is
   *     longer
   */
  public record Bases(boolean shared, double sampleShare, int maximumSampleBytes) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Bases {
      SettingCheck.range("sample-share", sampleShare, 0, 1);
      SettingCheck.range("maximum-sample-bytes", maximumSampleBytes, 1, 1 << 24);
    }
  }

  /**
   * Beyond which blocks are refused.
   *
   * @param channels heads x head dimension, 1 to 65,535
   * @param blockTokens tokens of a block, 1 to 65,535
   */
  public record Limits(int channels, int blockTokens) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Limits {
      SettingCheck.range("limits.channels", channels, 1, 65_535);
      SettingCheck.range("limits.block-tokens", blockTokens, 1, 65_535);
    }
  }
}

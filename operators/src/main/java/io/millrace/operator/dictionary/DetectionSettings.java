package io.millrace.operator.dictionary;

import io.millrace.operator.SettingCheck;

/**
 * When a window is an outlier and when a sensor has drifted.
 *
 * @param quantile of the newest residuals that a residual is held against, 0.5 to 1
 * @param historyWindows residuals remembered, 16 to 65,536
 * @param warmUpWindows residuals needed before any is called an outlier, 1 to historyWindows
 * @param threshold an outlier's residual is above threshold x quantile, at least 1; the history
 *     takes it as one at the threshold
 * @param drift the Page-Hinkley test on each batch's relative error
 */
public record DetectionSettings(
    double quantile,
    int historyWindows,
    int warmUpWindows,
    double threshold,
    PageHinkley.Settings drift) {

  public DetectionSettings {
    SettingCheck.range("quantile", quantile, 0.5, 1);
    SettingCheck.range("history-windows", historyWindows, 16, 65_536);
    SettingCheck.range("warm-up-windows", warmUpWindows, 1, historyWindows);
    SettingCheck.range("threshold", threshold, 1, 1e6);
  }
}

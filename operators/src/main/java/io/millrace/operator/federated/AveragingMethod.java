package io.millrace.operator.federated;

import java.util.Locale;

/** Methods by name. */
public enum AveragingMethod {
  /** FedAvg: {@link FederatedAveraging}. */
  FEDAVG(false, false),
  /** FedProx: FedAvg with a proximal term on the client. */
  FEDPROX(false, false),
  /** FedAsync: {@link AsynchronousAveraging}. */
  FEDASYNC(false, false),
  /** FedBuff: {@link BufferedAveraging}. */
  FEDBUFF(false, false),
  /** {@link AnarchicCrossDevice}. */
  AFA_CD(false, false),
  /** {@link AnarchicCrossSilo}. */
  AFA_CS(true, false),
  /** SCAFFOLD: {@link ScaffoldServer}. */
  SCAFFOLD(true, true),
  /** SCALLION: {@link ScallionServer}. */
  SCALLION(true, true),
  /** SCAFCOM: {@link ScallionServer}. */
  SCAFCOM(true, true),
  /** EF21 and EF21-SGDM: {@link GradientMemory}. */
  EF21(true, false),
  /** EControl: {@link GradientMemory}. */
  ECONTROL(true, false);

  private final boolean remembers;
  private final boolean controls;

  AveragingMethod(boolean remembers, boolean controls) {
    this.remembers = remembers;
    this.controls = controls;
  }

  /** Name in settings and tasks, for example afa-cs. */
  public String id() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Whether increments of a memory travel that server and client keep alike. */
  public boolean remembers() {
    return remembers;
  }

  /** Whether clients need the server's control c beside the model. */
  public boolean controls() {
    return controls;
  }
}

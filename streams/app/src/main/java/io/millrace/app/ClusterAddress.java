package io.millrace.app;

import java.net.URI;
import java.net.URISyntaxException;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** http://HOST:PORT of a cluster's REST interface; nothing that could hold a secret. */
final class ClusterAddress implements ITypeConverter<URI> {
  @Override
  public URI convert(String text) {
    try {
      URI address = new URI(text);
      String scheme = address.getScheme();
      boolean isWeb = "http".equals(scheme) || "https".equals(scheme);
      if (isWeb
          && address.getHost() != null
          && address.getPort() > 0
          && address.getPort() <= 65_535
          && address.getRawUserInfo() == null
          && address.getRawPath().matches("/?")
          && address.getRawQuery() == null
          && address.getRawFragment() == null) {
        return new URI(scheme, null, address.getHost(), address.getPort(), null, null, null);
      }
      throw refusal();
    } catch (URISyntaxException e) {
      throw refusal();
    }
  }

  /** Without the text: it may have a password in it. */
  private static TypeConversionException refusal() {
    return new TypeConversionException("this is no address, expected http://HOST:PORT");
  }
}

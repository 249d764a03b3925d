package dev.oxbow.app.demo.origin;

import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code oxbow demo-origin}, which the demo starts. */
@Command(name = "demo-origin", hidden = true, description = "Origin of the demo.")
public final class OriginCommand implements Callable<Integer> {

  @Option(names = "--host", required = true, description = "Where to listen.")
  private String host = "";

  @Option(names = "--half-close", required = true, description = "Port for half-closing.")
  private int halfClose;

  @Option(names = "--http", description = "Port for HTTP; without it there is no HTTP.")
  private int http;

  @Option(names = "--root", required = true, description = "Files to give and to take.")
  private Path root = Path.of(".");

  @Override
  public Integer call() throws Exception {
    if (http != 0) {
      HttpOrigin.start(new InetSocketAddress(host, http), root);
    }
    HalfCloseOrigin.start(new InetSocketAddress(host, halfClose), System.out);
    // The demo holds the other end of standard input: when it dies, this ends.
    System.in.transferTo(OutputStream.nullOutputStream());
    return 0;
  }
}

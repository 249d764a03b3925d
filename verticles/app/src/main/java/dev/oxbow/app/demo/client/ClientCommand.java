package dev.oxbow.app.demo.client;

import java.net.InetSocketAddress;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code oxbow demo-client}, which the demo starts. */
@Command(name = "demo-client", hidden = true, description = "Clients of the demo.")
public final class ClientCommand implements Callable<Integer> {

  @Option(names = "--host", required = true, description = "Where the forwarder is.")
  private String host = "";

  @Option(names = "--http", required = true, description = "Its port for HTTP.")
  private int http;

  @Option(names = "--half-close", required = true, description = "Its port for half-closing.")
  private int halfClose;

  @Override
  public Integer call() throws Exception {
    new ClientProgram(new InetSocketAddress(host, http), new InetSocketAddress(host, halfClose))
        .run(System.in, System.out);
    return 0;
  }
}

package dev.oxbow.it.docs;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.message.UnixSockets;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.upgrade.Plan;
import dev.oxbow.handoff.upgrade.Target;
import dev.oxbow.handoff.upgrade.UpgradeLimits;
import dev.oxbow.handoff.upgrade.UpgradeReport;
import dev.oxbow.handoff.upgrade.Upgrades;
import io.vertx.core.Vertx;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;

/** The main class of the proxy that docs/embedding.md quotes, region by region. */
final class ReplaceableProcess {
  private static final String VERSION = "1.0";
  private static final String TAKE_OVER = "PROXY_TAKE_OVER";

  private final Vertx vertx = EmbeddedProxy.vertx();
  private final Path directory;
  private final List<String> successor;
  private final SocketAddress origin;

  private ReplaceableProcess(Path directory, SocketAddress origin, List<String> successor) {
    this.directory = directory;
    this.origin = origin;
    this.successor = successor;
  }

  /** The directory, the port of the origin, and the command that starts a successor. */
  public static void main(String[] arguments) throws Exception {
    List<String> words = List.of(arguments);
    ReplaceableProcess process =
        new ReplaceableProcess(
            Path.of(words.get(0)),
            SocketAddress.inetSocketAddress(Integer.parseInt(words.get(1)), "127.0.0.1"),
            words.subList(2, words.size()));
    if (System.getenv(TAKE_OVER) == null) {
      process.startAfresh();
    } else {
      process.takeOver();
    }
  }

  // begin life
  private void startAfresh() throws IOException {
    ReplaceableProxy proxy = ReplaceableProxy.start(vertx, directory, origin, Map.of()).await();
    proxy.thaw().await();
    serve(proxy, UnixSockets.listen(directory.resolve(Plan.SOCKET), file -> {}));
  }

  private void takeOver() throws IOException {
    ReplaceableProxy proxy;
    Descriptor socket;
    Target target = Target.connect(directory.resolve(Plan.SOCKET), UpgradeLimits.DEFAULT);
    try {
      long free = Syscalls.descriptorLimit() - Syscalls.openDescriptors();
      Map<String, Cargo> handed =
          target.receive(VERSION, ReplaceableProxy.layouts(), free, () -> {});
      socket = handed.remove("process").take(Plan.SOCKET);
      proxy = ReplaceableProxy.start(vertx, directory, origin, handed).await();
      target.takeOver(proxy.services());
    } catch (RuntimeException e) {
      System.err.println("not taking over: " + e.getMessage());
      // At once and without a touch: the other process has all of it, too, and goes on.
      Runtime.getRuntime().halt(1);
      throw e;
    }
    serve(proxy, socket);
    target.close(); // waits for the end of the other process, for a second
  }

  /** From here on this process can be replaced: it is asked to through a socket. */
  private Upgrades serve(ReplaceableProxy proxy, Descriptor socket) throws IOException {
    Plan plan =
        new Plan(
            VERSION,
            directory,
            proxy.services(),
            () -> new Cargo().lend(Plan.SOCKET, socket),
            this::launch,
            uid -> uid == Syscalls.effectiveUid(),
            UpgradeLimits.DEFAULT,
            new EndsWhenReplaced());
    Upgrades upgrades = new Upgrades(socket, plan);
    serving(proxy);
    return upgrades;
  }

  private Plan.Launched launch(Path socket) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(successor).inheritIO();
    builder.environment().put(TAKE_OVER, socket.toString());
    return new Plan.Launched(builder.start(), () -> {});
  }

  private static final class EndsWhenReplaced implements Plan.Observer {
    @Override
    public void began() {}

    @Override
    public void rolledBack(UpgradeReport report) {}

    @Override
    public void committed(UpgradeReport report) {}

    @Override
    public void left(UpgradeReport report) {
      Runtime.getRuntime().halt(0);
    }
  }

  // end life

  /** Tells the test which port it is. */
  private void serving(ReplaceableProxy proxy) throws IOException {
    Path made = Files.writeString(directory.resolve("port.new"), String.valueOf(proxy.port()));
    Files.move(made, directory.resolve("port"), StandardCopyOption.ATOMIC_MOVE);
  }
}

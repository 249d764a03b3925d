package dev.oxbow.app.demo;

import dev.oxbow.app.process.NativeVertx;
import dev.oxbow.app.process.Self;
import dev.oxbow.handoff.upgrade.Plan;
import io.vertx.core.Vertx;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What the scenario is played on: namespaces, a folder, and the processes in them. */
final class Stage {
  static final int FORWARD_HTTP_PORT = 8080;
  static final int FORWARD_HALF_CLOSE_PORT = 8007;

  /** Of the 64 groups of relays that change hands one after the other. */
  private static final int HALF_THE_GROUPS = 32;

  /** Starting takes two seconds or three; a busy machine may take longer. */
  private static final long START_SECONDS = 20;

  private final Network network;
  private final Path folder;
  private final Cleanup cleanup;
  private final OriginProcesses origin;
  private final Child service;
  private final ClientProcess clients;
  private final ServiceWatch watch;
  private int forwarders;

  private Stage(
      Network network,
      Path folder,
      Cleanup cleanup,
      OriginProcesses origin,
      Child service,
      ClientProcess clients,
      ServiceWatch watch) {
    this.network = network;
    this.folder = folder;
    this.cleanup = cleanup;
    this.origin = origin;
    this.service = service;
    this.clients = clients;
    this.watch = watch;
  }

  /** Makes and starts everything but the forwarder. */
  static Stage set(Path ip, Path folder, Cleanup cleanup, Progress progress) throws Exception {
    progress.say("making network namespaces: clients - proxy - origin, and two tenants");
    Network network = Network.open(ip, cleanup);
    Files.createDirectories(folder.resolve("www/upload"));
    Path config =
        Files.writeString(
            folder.resolve("oxbow.yaml"),
            "runtimeDir: "
                + folder
                + "/run\nsplicer: {}\n"
                + (GatewayAct.lacks().isEmpty() ? "bumblebee: {}\n" : ""));
    progress.say("starting the service, the origin and the clients");
    Child service =
        start(
            network,
            folder,
            cleanup,
            "service",
            Network.Place.PROXY,
            Self.command("run", "--config", config.toString()),
            ProcessBuilder.Redirect.DISCARD);
    OriginProcesses origin = OriginProcesses.start(network, folder, cleanup);
    Child clients =
        start(
            network,
            folder,
            cleanup,
            "clients",
            Network.Place.CLIENTS,
            Self.command(
                "demo-client",
                "--host",
                Network.PROXY_ADDRESS,
                "--http",
                Integer.toString(FORWARD_HTTP_PORT),
                "--half-close",
                Integer.toString(FORWARD_HALF_CLOSE_PORT)),
            ProcessBuilder.Redirect.PIPE);
    Vertx vertx = NativeVertx.open(1);
    cleanup.add(() -> vertx.close().await(START_SECONDS, TimeUnit.SECONDS));
    origin.awaitReady(START_SECONDS);
    Path pidFile = folder.resolve("run/oxbow.pid");
    service.await("the service", START_SECONDS, () -> Files.exists(pidFile));
    ServiceWatch watch = ServiceWatch.open(vertx, socket(folder));
    return new Stage(network, folder, cleanup, origin, service, new ClientProcess(clients), watch);
  }

  /**
   * Starts a successor of the service that is killed half-way, when some of the relays are its own
   * and some are not yet.
   */
  Child startDyingSuccessor() {
    List<String> run = Self.command("run", "--config", folder.resolve("oxbow.yaml").toString());
    return startDying("dying-service", run, serviceDir(), "successor:switch:" + HALF_THE_GROUPS);
  }

  /** Starts a successor of the gateway that is killed when it has all but the last word. */
  Child startDyingGateway() {
    return startDying("dying-gateway", gatewayCommand(), gatewayDir(), "successor:commit:0");
  }

  private Child startDying(String name, List<String> command, Path directory, String where) {
    return Child.start(
        name,
        network.inside(Network.Place.PROXY, command),
        Map.of(
            "OXBOW_TAKE_OVER",
            directory.resolve(Plan.SOCKET).toString(),
            "OXBOW_FAULT",
            where + ":die"),
        folder,
        ProcessBuilder.Redirect.DISCARD,
        cleanup);
  }

  /** The runtime directory of the service. */
  Path serviceDir() {
    return folder.resolve("run");
  }

  /** The runtime directory of the forwarder. */
  Path forwarderDir() {
    return folder.resolve("forward");
  }

  /** The runtime directory of the gateway. */
  Path gatewayDir() {
    return folder.resolve("gateway");
  }

  /** Starts a forwarder and waits until it listens. */
  Child startForwarder() throws InterruptedException {
    forwarders++;
    Child forwarder =
        start(
            "forwarder-" + forwarders,
            Network.Place.PROXY,
            Self.command(
                "forward",
                "--listen",
                Network.PROXY_ADDRESS + ":" + FORWARD_HTTP_PORT,
                "--to",
                Network.ORIGIN_ADDRESS + ":" + OriginProcesses.HTTP_PORT,
                "--listen",
                Network.PROXY_ADDRESS + ":" + FORWARD_HALF_CLOSE_PORT,
                "--to",
                Network.ORIGIN_ADDRESS + ":" + OriginProcesses.HALF_CLOSE_PORT,
                "--splicer",
                socket(folder).toString(),
                "--app",
                "demo",
                "--log-format",
                "json",
                "--runtime-dir",
                forwarderDir().toString()),
            ProcessBuilder.Redirect.to(accessLog(forwarders).toFile()));
    forwarder.await(
        "the forwarder",
        START_SECONDS,
        () ->
            forwarder.hasListener(FORWARD_HTTP_PORT)
                && forwarder.hasListener(FORWARD_HALF_CLOSE_PORT));
    return forwarder;
  }

  /**
   * Starts a gateway whose tuns are in the tenants.
   *
   * @param life counted from 1
   */
  Child launchGateway(int life) {
    return start(
        life == 1 ? GatewayAct.NAME : GatewayAct.NAME + "-" + life,
        Network.Place.PROXY,
        gatewayCommand(),
        ProcessBuilder.Redirect.to(gatewayLog(life).toFile()));
  }

  /** Waits until a gateway carries all packets of the tenants, those of a Fish too. */
  void awaitGateway(Child gateway) throws InterruptedException {
    gateway.await("the gateway", START_SECONDS, () -> gateway.said("GatewayProcess: carrying "));
  }

  /** Makes the gateway's tuns the tenants' only way out. */
  void routeTenants() throws InterruptedException {
    for (Network.Place tenant : GatewayAct.TENANTS) {
      network.routeInto(tenant, GatewayAct.TUN);
    }
  }

  private List<String> gatewayCommand() {
    List<String> arguments = new ArrayList<>(List.of("gateway", "--log-format", "json"));
    for (Network.Place tenant : GatewayAct.TENANTS) {
      arguments.addAll(List.of("--tun", GatewayAct.TUN));
      arguments.addAll(List.of("--netns", Network.file(tenant).toString()));
      // The same for all of them.
      arguments.addAll(List.of("--address", "10.7.0.2/24", "--address", "fd00:7::2/64"));
      if (EgressAct.lacks().isEmpty()) {
        arguments.addAll(List.of("--egress", EgressAct.SLICE));
      }
    }
    arguments.addAll(List.of("--splicer", socket(folder).toString()));
    arguments.addAll(List.of("--bumblebee", folder.resolve("run/bumblebee.sock").toString()));
    arguments.addAll(List.of("--runtime-dir", gatewayDir().toString()));
    return Self.command(arguments.toArray(String[]::new));
  }

  /** Where a gateway logs its connections; lives are counted from 1. */
  Path gatewayLog(int life) {
    return folder.resolve("access-gateway-" + life + ".json");
  }

  /** Starts any process in one of the namespaces. */
  Child start(
      String name, Network.Place place, List<String> command, ProcessBuilder.Redirect stdout) {
    return start(network, folder, cleanup, name, place, command, stdout);
  }

  /** Where a forwarder logs; counted from 1. */
  Path accessLog(int forwarder) {
    return folder.resolve("access-" + forwarder + ".json");
  }

  Path folder() {
    return folder;
  }

  Path www() {
    return folder.resolve("www");
  }

  OriginProcesses origin() {
    return origin;
  }

  Child service() {
    return service;
  }

  ClientProcess clients() {
    return clients;
  }

  ServiceWatch watch() {
    return watch;
  }

  /** Ends the demo's own use of the service. */
  void closeWatch() throws TimeoutException {
    watch.close();
  }

  private static Path socket(Path folder) {
    return folder.resolve("run/splicer.sock");
  }

  private static Child start(
      Network network,
      Path folder,
      Cleanup cleanup,
      String name,
      Network.Place place,
      List<String> command,
      ProcessBuilder.Redirect stdout) {
    return Child.start(name, network.inside(place, command), folder, stdout, cleanup);
  }
}

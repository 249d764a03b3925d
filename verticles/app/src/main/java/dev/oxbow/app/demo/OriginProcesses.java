package dev.oxbow.app.demo;

import dev.oxbow.app.check.Tools;
import dev.oxbow.app.process.Self;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The origin: nginx where it is installed with WebDAV, else the JDK's server; and a half-closer.
 */
final class OriginProcesses {
  static final int HTTP_PORT = 80;
  static final int HALF_CLOSE_PORT = 7;

  private final String httpServer;
  private final List<Child> children;
  private final Set<String> digests = ConcurrentHashMap.newKeySet();

  private OriginProcesses(String httpServer, List<Child> children) {
    this.httpServer = httpServer;
    this.children = children;
  }

  /**
   * Starts it.
   *
   * @param folder has the folder {@code www} with {@code upload} in it
   */
  static OriginProcesses start(Network network, Path folder, Cleanup cleanup)
      throws IOException, InterruptedException {
    Optional<Path> nginx = Tools.find("nginx").filter(OriginProcesses::takesUploads);
    List<String> own =
        new ArrayList<>(
            Self.command(
                "demo-origin",
                "--host",
                Network.hasIpv6() ? "::" : "0.0.0.0",
                "--half-close",
                Integer.toString(HALF_CLOSE_PORT),
                "--root",
                folder.resolve("www").toString()));
    List<Child> children = new ArrayList<>();
    if (nginx.isPresent()) {
      Path config = Files.writeString(folder.resolve("nginx.conf"), nginxConfig(folder));
      List<String> command =
          List.of(
              nginx.get().toString(),
              "-p",
              folder.toString(),
              "-c",
              config.toString(),
              "-e",
              folder.resolve("nginx-error.log").toString());
      children.add(
          Child.start(
              "nginx",
              network.inside(Network.Place.ORIGIN, command),
              folder,
              ProcessBuilder.Redirect.DISCARD,
              cleanup));
    } else {
      own.addAll(List.of("--http", Integer.toString(HTTP_PORT)));
    }
    Child halfCloser =
        Child.start(
            "origin",
            network.inside(Network.Place.ORIGIN, own),
            folder,
            ProcessBuilder.Redirect.PIPE,
            cleanup);
    children.add(halfCloser);
    OriginProcesses origin =
        new OriginProcesses(nginx.isPresent() ? "nginx" : "the JDK's HTTP server", children);
    Thread reader = new Thread(() -> origin.read(halfCloser), "digests of the origin");
    reader.setDaemon(true);
    reader.start();
    return origin;
  }

  /** Waits until both ports are listened on. */
  void awaitReady(long seconds) throws InterruptedException {
    Child first = children.get(0);
    Child last = children.get(children.size() - 1);
    first.await("origin for HTTP", seconds, () -> first.hasListener(HTTP_PORT));
    last.await("origin for half-closing", seconds, () -> last.hasListener(HALF_CLOSE_PORT));
  }

  /** Which program answers HTTP. */
  String httpServer() {
    return httpServer;
  }

  /** Whether the half-closer has read a stream of such bytes to its end. */
  boolean hasRead(String sha256, long length) {
    return digests.contains(sha256 + " " + length);
  }

  private void read(Child halfCloser) {
    try (BufferedReader lines = halfCloser.process().inputReader(StandardCharsets.UTF_8)) {
      lines.lines().forEach(digests::add);
    } catch (IOException e) {
      throw new IllegalStateException("origin", e);
    }
  }

  private static boolean takesUploads(Path nginx) {
    try {
      return Shell.run(List.of(nginx.toString(), "-V")).text().contains("http_dav_module");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private static String nginxConfig(Path folder) {
    return """
        daemon off;
        user root;
        worker_processes 1;
        pid %1$s/nginx.pid;
        events { worker_connections 1024; }
        http {
          access_log off;
          sendfile on;
          keepalive_requests 1000000;
          client_max_body_size 0;
          client_body_temp_path %1$s/nginx-body;
          proxy_temp_path %1$s/nginx-proxy;
          fastcgi_temp_path %1$s/nginx-fastcgi;
          uwsgi_temp_path %1$s/nginx-uwsgi;
          scgi_temp_path %1$s/nginx-scgi;
          server {
            listen %2$d;
            %3$s
            root %1$s/www;
            location /upload/ { dav_methods PUT; }
          }
        }
        """
        .formatted(
            folder,
            HTTP_PORT,
            Network.hasIpv6() ? "listen [::]:" + HTTP_PORT + " ipv6only=on;" : "");
  }
}

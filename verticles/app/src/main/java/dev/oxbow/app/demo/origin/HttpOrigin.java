package dev.oxbow.app.demo.origin;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executors;

/** GET and PUT of files, by the HTTP server that every JDK has. */
final class HttpOrigin {
  private static final int OK = 200;
  private static final int CREATED = 201;
  private static final int NOT_FOUND = 404;
  private static final int NOT_ALLOWED = 405;
  private static final int NO_BODY = -1;

  private final Path root;

  private HttpOrigin(Path root) {
    this.root = root;
  }

  /** Serves a folder until the process ends; the port it listens on. */
  static int start(InetSocketAddress address, Path root) throws IOException {
    HttpServer server = HttpServer.create(address, 0);
    server.createContext("/", new HttpOrigin(root)::handle);
    server.setExecutor(Executors.newCachedThreadPool());
    server.start();
    return server.getAddress().getPort();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      Path file = root.resolve(exchange.getRequestURI().getPath().substring(1)).normalize();
      switch (exchange.getRequestMethod()) {
        case "GET" -> give(exchange, file);
        case "PUT" -> take(exchange, file);
        default -> exchange.sendResponseHeaders(NOT_ALLOWED, NO_BODY);
      }
    }
  }

  private void give(HttpExchange exchange, Path file) throws IOException {
    if (!file.startsWith(root) || !Files.isRegularFile(file)) {
      exchange.sendResponseHeaders(NOT_FOUND, NO_BODY);
      return;
    }
    exchange.sendResponseHeaders(OK, Files.size(file));
    try (OutputStream out = exchange.getResponseBody()) {
      Files.copy(file, out);
    }
  }

  private void take(HttpExchange exchange, Path file) throws IOException {
    if (!file.startsWith(root)) {
      exchange.sendResponseHeaders(NOT_FOUND, NO_BODY);
      return;
    }
    try (InputStream in = exchange.getRequestBody()) {
      Files.copy(in, file);
    }
    exchange.sendResponseHeaders(CREATED, NO_BODY);
  }
}

package dev.oxbow.app.demo.origin;

import dev.oxbow.app.demo.payload.Hash;
import dev.oxbow.app.demo.payload.Payload;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A peer for half-closing. The first byte says who stops sending first: {@code C} the client, which
 * is answered only after the end of its stream, {@code S} the server, which goes on receiving then.
 * What was received is told on standard output as {@code sha256 length}.
 */
final class HalfCloseOrigin {
  private static final Logger log = LoggerFactory.getLogger(HalfCloseOrigin.class);

  private final PrintStream out;

  private HalfCloseOrigin(PrintStream out) {
    this.out = out;
  }

  /** Serves until the process ends; the port it listens on. */
  static int start(InetSocketAddress address, PrintStream out) throws IOException {
    ServerSocket server = new ServerSocket();
    server.setReuseAddress(true);
    server.bind(address);
    ExecutorService threads = Executors.newCachedThreadPool();
    HalfCloseOrigin origin = new HalfCloseOrigin(out);
    threads.execute(() -> origin.accept(server, threads));
    return server.getLocalPort();
  }

  private void accept(ServerSocket server, ExecutorService threads) {
    try (server) {
      while (true) {
        Socket socket = server.accept();
        threads.execute(() -> serve(socket));
      }
    } catch (IOException e) {
      log.error("no more connections", e);
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      InputStream in = socket.getInputStream();
      int first = in.read();
      if (first == 'S') {
        answer(socket);
        receive(in);
      } else {
        receive(in);
        answer(socket);
      }
    } catch (IOException e) {
      log.warn("{}: {}", socket, e.getMessage());
    }
  }

  private void receive(InputStream in) throws IOException {
    Hash hash = Hash.of(in);
    synchronized (out) {
      out.println(hash.hex() + " " + hash.length());
      out.flush();
    }
  }

  private static void answer(Socket socket) throws IOException {
    try (Payload payload = new Payload(Payload.ANSWER_SEED, Payload.ANSWER_BYTES)) {
      payload.transferTo(socket.getOutputStream());
    }
    socket.shutdownOutput();
  }
}

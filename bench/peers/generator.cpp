// A load generator as small as one can be: a single epoll loop that publishes on time and reads what comes back. It is what the
// native engine's latency is held against (docs/benchmarking.md, "The meter's own length"): same load, same clock, nothing else.
// One topic, one publisher, 128-byte text messages, open loop; latency runs from when a message was due to the end of the read() that
// brought it. No fragmented frames, no TLS. Prints one line of JSON.
// Usage: generator PORT SUBSCRIBERS RATE SECONDS [WARMUP_SECONDS]

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

constexpr size_t PAYLOAD = 128;
constexpr int64_t NS = 1000000000;
/** After the last message was due, for what is still on its way. */
constexpr int64_t DRAIN_NS = 2 * NS;

struct Subscriber {
  int fd;
  std::string in;
};

int64_t now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * NS + t.tv_nsec;
}

[[noreturn]] void fail(const char* what) {
  fprintf(stderr, "generator: %s: %s\n", what, strerror(errno));
  exit(1);
}

/** A blocking connect and handshake; the socket is then non-blocking. */
int open(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(uint16_t(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const char request[] =
      "GET /bench-0 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  if (write(fd, request, sizeof request - 1) < 0) fail("write");
  std::string response;
  while (response.find("\r\n\r\n") == std::string::npos) {
    char letter;
    if (read(fd, &letter, 1) != 1) fail("handshake");
    response += letter;
  }
  if (response.compare(0, 12, "HTTP/1.1 101") != 0) fail("handshake refused");
  return fd;
}

/** A masked text frame whose payload begins with the due time in 16 hexadecimal digits (mask of zeros: the bytes as they are). */
std::string frameOf(int64_t due) {
  char digits[17];
  snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(due));
  std::string frame("\x81\xfe\0\x80\0\0\0\0", 8);
  frame += digits;
  frame.append(PAYLOAD - 16, 'x');
  return frame;
}

/** Consumes the whole frames in `s.in`, all of them the server's: no mask, a length of two bytes or one. */
void readFrames(Subscriber& s, int64_t readAt, int64_t measureFrom, std::vector<int64_t>& latencies) {
  size_t at = 0;
  while (s.in.size() - at >= 4) {
    size_t length = static_cast<unsigned char>(s.in[at + 1]);
    size_t head = 2;
    if (length == 126) length = static_cast<unsigned char>(s.in[at + 2]) << 8 | static_cast<unsigned char>(s.in[at + 3]), head = 4;
    if (s.in.size() - at < head + length) break;
    if ((s.in[at] & 15) == 1 && length == PAYLOAD) {
      int64_t due = int64_t(strtoull(s.in.substr(at + head, 16).c_str(), nullptr, 16));
      if (due >= measureFrom) latencies.push_back(readAt - due);
    }
    at += head + length;
  }
  s.in.erase(0, at);
}

double ms(const std::vector<int64_t>& sorted, double percentile) {
  if (sorted.empty()) return 0;
  return double(sorted[std::min(sorted.size() - 1, size_t(double(sorted.size()) * percentile / 100))]) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: generator PORT SUBSCRIBERS RATE SECONDS [WARMUP_SECONDS]\n");
    return 2;
  }
  int port = atoi(argv[1]), count = atoi(argv[2]);
  double rate = atof(argv[3]), seconds = atof(argv[4]), warmup = argc > 5 ? atof(argv[5]) : 1;
  int epoll = epoll_create1(0);
  std::vector<Subscriber> subscribers(static_cast<size_t>(count));
  for (size_t i = 0; i < subscribers.size(); i++) {
    subscribers[i].fd = open(port);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    epoll_ctl(epoll, EPOLL_CTL_ADD, subscribers[i].fd, &event);
  }
  int publisher = open(port);
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  epoll_event timerEvent{};
  timerEvent.events = EPOLLIN;
  timerEvent.data.u64 = UINT64_MAX;
  epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &timerEvent);

  int64_t start = now() + NS / 10;
  int64_t measureFrom = start + int64_t(warmup * NS);
  int64_t end = measureFrom + int64_t(seconds * NS);
  int64_t next = 0, published = 0;
  auto due = [&](int64_t k) { return start + int64_t(double(k) * NS / rate); };
  auto arm = [&](int64_t at) {
    itimerspec when{};
    when.it_value = {at / NS, at % NS};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, nullptr);
  };
  arm(due(0));
  std::vector<int64_t> latencies, slips;
  latencies.reserve(size_t(double(count) * rate * seconds) + 1024);
  static char buffer[1 << 18];
  epoll_event events[256];
  while (now() < end + DRAIN_NS && (due(next) < end || latencies.size() < size_t(published) * size_t(count))) {
    int ready = epoll_wait(epoll, events, 256, 100);
    for (int i = 0; i < ready; i++) {
      if (events[i].data.u64 == UINT64_MAX) {
        uint64_t expirations;
        if (read(timer, &expirations, sizeof expirations) < 0) continue;
        for (; due(next) < end && due(next) <= now(); next++) {
          std::string frame = frameOf(due(next));
          if (due(next) >= measureFrom) published++, slips.push_back(now() - due(next));
          if (write(publisher, frame.data(), frame.size()) < 0) fail("publish");
        }
        if (due(next) < end) arm(due(next));
        continue;
      }
      Subscriber& s = subscribers[events[i].data.u64];
      ssize_t got = recv(s.fd, buffer, sizeof buffer, MSG_DONTWAIT);
      if (got == 0) fail("a subscriber was closed");
      if (got < 0) continue;
      int64_t readAt = now();
      s.in.append(buffer, size_t(got));
      readFrames(s, readAt, measureFrom, latencies);
    }
  }
  std::sort(latencies.begin(), latencies.end());
  std::sort(slips.begin(), slips.end());
  printf(
      "{\"subscribers\":%d,\"rate\":%g,\"published\":%lld,\"expected\":%lld,\"delivered\":%zu,\"p50\":%.3f,\"p99\":%.3f,\"slipP50\":%.3f}\n",
      count, rate, static_cast<long long>(published), static_cast<long long>(published) * count, latencies.size(), ms(latencies, 50),
      ms(latencies, 99), ms(slips, 50));
}

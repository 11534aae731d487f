;; Peer: Clojure, http-kit, the channel set and broadcast loop of its WebSocket documentation, with the sender left out.
;; Usage: java -cp clojure.jar:spec.alpha.jar:core.specs.alpha.jar:http-kit.jar clojure.main httpkit.clj PORT

(require '[org.httpkit.server :as hk])

(defonce channels (atom #{}))

(defn handler [req]
  (hk/as-channel req
    {:on-open    (fn [ch] (swap! channels conj ch))
     :on-close   (fn [ch _status] (swap! channels disj ch))
     :on-receive (fn [ch message]
                   (doseq [other @channels
                           :when (not= other ch)]
                     (hk/send! other message)))}))

(let [port (Integer/parseInt (first *command-line-args*))]
  (hk/run-server handler {:ip "127.0.0.1" :port port})
  (println "ready on" port))

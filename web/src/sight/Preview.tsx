import { useEffect, useRef } from "react";
import { cx } from "../design/cx";

/** What the camera or the screen shows now. */
export function Preview({ stream, label, className }: { stream: MediaStream; label: string; className?: string }) {
  const film = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (film.current) film.current.srcObject = stream;
  }, [stream]);
  return (
    <video
      ref={film}
      autoPlay
      muted
      playsInline
      aria-label={label}
      className={cx("aspect-4/3 rounded-card bg-black object-cover", className)}
    />
  );
}
